using System.Globalization;
using System.Security.Cryptography;
using VBackup.Clouds;
using VBackup.Clouds.Volumes;

namespace VBackup.Edge.Restores;

/// <summary>
/// One of a run's attempts, which may be overtaken by a later one at any moment, also while it sleeps. Storages know it by its claim, which
/// says whose run's it is, under which epoch, and which attempt.
/// </summary>
/// <param name="run">1 to 32 letters, digits and '_'.</param>
/// <param name="isLost">Whether it has heard that another has the task by now.</param>
/// <param name="requireOwn">Asks whoever gave the task; throws when it is not to be gone on with.</param>
public sealed class RunAttempt(string run, int epoch, Func<bool> isLost, Func<CancellationToken, Task> requireOwn)
{
    public string Claim { get; } =
        string.Create(CultureInfo.InvariantCulture, $"{run}-{epoch}-{RandomNumberGenerator.GetHexString(16, lowercase: true)}");

    /// <summary>What a volume has that this attempt has made and not taken over yet: any attempt of the run may go on with it.</summary>
    public string MakingClaim => Claim + "-new";

    /// <summary>See <see cref="VolumeClaim.OwnerOf"/>.</summary>
    public string Owner => run;

    /// <summary>Whether any attempt of the run made the claim.</summary>
    public bool IsOfRun(string? claim) => claim is not null && claim.StartsWith(run + '-', StringComparison.Ordinal);

    /// <exception cref="OperationCanceledException">The task is another's by now, or is to end.</exception>
    public Task RequireOwnAsync(CancellationToken cancellation) => requireOwn(cancellation);

    /// <summary>How a volume is taken over, so that no later attempt loses it to this one: first it is looked at who had it, then asked
    /// whether the task is still this attempt's, and the storage gives the volume only if nobody has taken it over since that look. Whoever
    /// was given the task later than the answer takes over later too.</summary>
    /// <param name="isNew">It was made just now by this attempt, with <see cref="MakingClaim"/>.</param>
    public async Task<WriterOptions> TakingOverAsync(
        IVolumeStorage storage, VolumeId volume, bool isNew, CancellationToken cancellation)
    {
        var seen = new SeenClaim(isNew ? MakingClaim : await storage.FindClaimAsync(volume, cancellation).ConfigureAwait(false));
        await RequireOwnAsync(cancellation).ConfigureAwait(false);
        return new() { IsNew = isNew, TakesOver = true, Claim = Claim, Seen = seen };
    }

    /// <summary>The claims of a volume that is this attempt's to remove, as no other goes on with it: one that stood still for so long
    /// leaves to that one what it had written. What it has only made, and perhaps after all others were over, nobody else
    /// removes.</summary>
    /// <param name="isMade">By this attempt, and not found.</param>
    public IReadOnlyList<string> Removable(bool isMade) => (isLost(), isMade) switch
    {
        (false, true) => [Claim, MakingClaim],
        (false, false) => [Claim],
        (true, true) => [MakingClaim],
        (true, false) => [],
    };
}
