using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Restores;

/// <param name="IsNew">The run's attempt made it, and did not find it.</param>
public sealed record MadeVolume(VolumeId Volume, bool IsNew);

/// <summary>New volumes that a run has begun to write, of which a failure leaves none.</summary>
/// <param name="attempt">Null when there is one attempt only.</param>
public sealed class HalfMadeVolumes(IVolumeStorage storage, RunAttempt? attempt, PatientRemoval removal)
{
    /// <param name="claim">The volume's from the beginning; null for none.</param>
    /// <exception cref="CloudException">There is such a volume already, or none can be made.</exception>
    public static async Task CreateAsync(
        IVolumeStorage storage, VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation)
    {
        try
        {
            await storage.CreateAsync(volume, lengthBytes, claim, cancellation).ConfigureAwait(false);
        }
        catch (CloudException silent) when (silent.Failure == CloudFailure.TimedOut)
        {
            NotKnown(silent, volume);
            throw;
        }
        catch (LeftAloneException stopped)
        {
            NotKnown(stopped, volume);
            throw;
        }
    }

    // One of that name may have been there before, and may be anybody's: nothing is removed. The storage removes what it makes late, as
    // long as this process lives.
    static void NotKnown(Exception failure, VolumeId volume) => Aftermath.Add(failure, $"whether there is a volume {volume} now is not "
        + "known: once the storage answers, look, and remove it by hand if it was not there before");

    /// <summary>Removes what a failure left half made, and has the failure tell of it.</summary>
    public async Task RemoveAsync(IReadOnlyList<MadeVolume> made, Exception failure)
    {
        List<string> removed = [], left = [];
        var isInUse = false;
        foreach (var one in made)
        {
            try
            {
                if (await RemoveAsync(one, failure).ConfigureAwait(false)) removed.Add(one.Volume.Value);
            }
            catch (CloudException second)
            {
                left.Add($"{one.Volume} ({second.Message})");
                // What was opened without an answer is in use for a while as soon as the storage answers.
                isInUse |= second.Failure is CloudFailure.InUse or CloudFailure.TimedOut;
            }
        }
        if (removed.Count > 0) Aftermath.Add(failure, $"the incomplete {string.Join(", ", removed)} was removed");
        if (left.Count > 0)
            Aftermath.Add(failure, $"the incomplete {string.Join(", ", left)} could not be removed: remove it by hand"
                + (isInUse ? "; while it is in use, wait a minute or two, until the storage has given up the client that had it" : ""));
    }

    /// <summary>Whether no other attempt goes on with it.</summary>
    /// <exception cref="CloudException">The storage does not tell.</exception>
    public async Task<bool> IsLeftToUsAsync(MadeVolume one) => attempt is null || attempt.Removable(one.IsNew)
        .Contains(await storage.FindClaimAsync(one.Volume, CancellationToken.None).ConfigureAwait(false) ?? "");

    /// <returns>Whether it was removed, and not left to another attempt.</returns>
    async Task<bool> RemoveAsync(MadeVolume one, Exception failure)
    {
        var isRemoved = false;
        if (attempt?.Removable(one.IsNew) is not []) removal.Tell(failure, $"the incomplete {one.Volume}");
        await removal.RunAsync($"the incomplete {one.Volume}", async () =>
        {
            if (attempt is null)
            {
                await storage.RemoveAsync(one.Volume, CancellationToken.None).ConfigureAwait(false);
                isRemoved = true;
                return;
            }
            // Between two tries, and within each, another attempt may begin to go on with it.
            isRemoved = await storage.RemoveClaimedAsync(one.Volume, attempt.Removable(one.IsNew), CancellationToken.None)
                .ConfigureAwait(false);
        }).ConfigureAwait(false);
        return isRemoved;
    }
}
