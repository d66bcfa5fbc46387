using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Snapshots;

/// <summary>An instant that only needs to be taken: as little as can be is done while the guest stands still.</summary>
public interface IPreparedInstant
{
    /// <summary>Takes it. To be called once.</summary>
    Task TakeAsync(CancellationToken cancellation);

    /// <summary>Makes sure that it is there in full, when the guest goes on. REQUIRES: it was taken.</summary>
    Task<Instant> FinishAsync(CancellationToken cancellation);
}

/// <summary>For storages that have nothing to prepare.</summary>
internal sealed class UnpreparedInstant(IVolumeSnapshots snapshots, string name, IReadOnlyList<VolumeId> volumes) : IPreparedInstant
{
    private Instant? _taken;

    public async Task TakeAsync(CancellationToken cancellation) =>
        _taken = await snapshots.TakeAsync(name, volumes, cancellation).ConfigureAwait(false);

    public Task<Instant> FinishAsync(CancellationToken cancellation) =>
        Task.FromResult(_taken ?? throw new InvalidOperationException("The instant was not taken."));
}
