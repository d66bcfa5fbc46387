using VBackup.Primitives;

namespace VBackup.Clouds.Volumes;

/// <summary>A volume that is being written. Thread-safe for ranges that do not overlap.</summary>
public interface IVolumeWriter : IAsyncDisposable
{
    /// <summary>What a user calls it.</summary>
    string Description { get; }

    /// <summary>Bytes that may be written.</summary>
    long LengthBytes { get; }

    /// <summary>Whether every byte is known to be zero before the first write, so that zeros need not be written.</summary>
    bool IsAllZero { get; }

    /// <summary>The ranges that may hold something else than zeros now, from an offset on: ordered and apart. Read lazily, and
    /// what lies before the offset costs nothing.</summary>
    IEnumerable<Extent> AllocatedExtents(long from = 0);

    /// <summary>Reads what is there now; for writing only what differs.</summary>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation);

    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>Makes a range read as zeros, whatever it held; never by a mere discard.</summary>
    ValueTask ZeroAsync(Extent range, CancellationToken cancellation);

    /// <summary>Returns when all that was written is durable.</summary>
    ValueTask FlushAsync(CancellationToken cancellation);

    /// <summary>Keeps a note beside the volume, durably, or takes it away. It stays when the volume is closed, whoever dies.</summary>
    /// <param name="note">Null when the volume is whole.</param>
    /// <exception cref="CloudException">Another writer took over, or this is no volume of a cloud.</exception>
    Task NoteRestoreAsync(RestoreNote? note, CancellationToken cancellation) => throw new CloudException(
        CloudFailure.NotSupported, "note", Description, "it is no volume of a cloud, and nothing is kept beside it");

    /// <summary>
    /// Whether another writer took over (<see cref="WriterOptions.TakesOver"/>), so that nothing of this one gets through any more.
    /// Asks the storage.
    /// </summary>
    /// <exception cref="CloudException">The storage did not say.</exception>
    Task<bool> IsShutOutAsync(CancellationToken cancellation);
}
