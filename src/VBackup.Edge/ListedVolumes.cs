using VBackup.Clouds;
using VBackup.Clouds.Volumes;

namespace VBackup.Edge;

/// <summary>
/// Looks at the volumes of a cloud's servers, of which some may be none of ours: one that is left out, or is of another kind than the
/// cloud's storage, is no reason to show none of the others. Credentials that are wrong, or a place that is not there, are no such thing.
/// Not thread-safe.
/// </summary>
public sealed class ListedVolumes
{
    readonly IVolumeStorage _storage;
    CloudException? _refusal;
    bool _hasSeen;

    ListedVolumes(IVolumeStorage storage) => _storage = storage;

    /// <exception cref="CloudException">The storage cannot be reached as it is configured.</exception>
    public static async Task<ListedVolumes> BeginAsync(IVolumeStorage storage, CancellationToken cancellation)
    {
        await storage.RequireReachableAsync(cancellation).ConfigureAwait(false);
        return new(storage);
    }

    /// <param name="leftOut">What is told of a volume that may not be looked at.</param>
    /// <exception cref="CloudException">It lies where the configuration says, and cannot be looked at.</exception>
    public async Task<T> LookAsync<T>(Func<IVolumeStorage, Task<T>> look, T leftOut)
    {
        try
        {
            var found = await look(_storage).ConfigureAwait(false);
            _hasSeen = true;
            return found;
        }
        catch (CloudException left) when (left.Failure is CloudFailure.LeftOut or CloudFailure.NotSupported)
        {
            return leftOut;
        }
        catch (CloudException refused) when (refused.Failure == CloudFailure.NotAllowed && !_storage.NamesPlaces)
        {
            _refusal ??= refused;
            return leftOut;
        }
    }

    /// <summary>To be asked at the end: credentials that may look at nothing at all are the wrong ones.</summary>
    /// <exception cref="CloudException">Each volume was refused.</exception>
    public void RequireSome()
    {
        if (!_hasSeen && _refusal is { } refusal) throw refusal;
    }
}
