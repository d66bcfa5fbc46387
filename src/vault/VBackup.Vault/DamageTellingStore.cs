using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>
/// A vault's store, to which an object that is there and cannot be read is a damaged object: to whoever needs it, it makes no
/// difference whether the disk gives other bytes or none. All else that fails, listings and writes above all, is a failure of
/// the store and says nothing of an object. Outermost, so that whoever reads one object meets one kind of error. Thread-safe.
/// </summary>
internal sealed class DamageTellingStore : DecoratingStore
{
    private DamageTellingStore(IObjectStore inner) : base(inner) { }

    public static IObjectStore Around(IObjectStore store) => store as DamageTellingStore ?? new DamageTellingStore(store);

    /// <summary>Whether the store failed to read it, so that it may be read another time, in another machine or after a repair of the
    /// disk. What holds other bytes than it should does so for ever.</summary>
    public static bool MayBeReadLater(DamageException damage) =>
        damage.InnerException is StoreException { Failure: StoreFailure.Unreadable };

    /// <inheritdoc/>
    protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
        Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        operation is StoreOperation.ReadTail or StoreOperation.Get ? TellAsync(run(cancellation)) : run(cancellation);

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        // What completes at once and well, as reads of a local file do, allocates nothing here.
#pragma warning disable CA2012 // It is either returned or awaited, once.
        var read = Inner.ReadAsync(name, offset, buffer, cancellation);
#pragma warning restore CA2012
        return read.IsCompletedSuccessfully ? read : new(TellAsync(read.AsTask()));
    }

    /// <inheritdoc/>
    protected override ValueTask AppendAsync(IObjectWriter writer, string name, ReadOnlyMemory<byte> piece,
        CancellationToken cancellation) =>
        writer.AppendAsync(piece, cancellation);

    private static async Task<T> TellAsync<T>(Task<T> reading)
    {
        try
        {
            return await reading.ConfigureAwait(false);
        }
        catch (StoreException unreadable) when (unreadable.Failure == StoreFailure.Unreadable)
        {
            throw new DamageException(unreadable.ObjectName, $"cannot be read: {unreadable.Reason}", unreadable);
        }
    }
}
