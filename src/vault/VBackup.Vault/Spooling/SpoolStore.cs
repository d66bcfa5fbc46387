using VBackup.Vault.Stores;

namespace VBackup.Vault.Spooling;

/// <summary>A spool's files, whose failures say that it is the spool that failed: nobody shall look for the fault in the vault's
/// store.</summary>
internal sealed class SpoolStore(IObjectStore inner) : DecoratingStore(inner)
{
    /// <inheritdoc/>
    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        try
        {
            return await run(cancellation).ConfigureAwait(false);
        }
        catch (StoreException failure) when (IsOfTheFolder(failure))
        {
            throw Named(failure);
        }
    }

    // As above, without a closure for each chunk.
    /// <inheritdoc/>
    protected override async ValueTask AppendAsync(
        IObjectWriter writer, string name, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        try
        {
            await writer.AppendAsync(piece, cancellation).ConfigureAwait(false);
        }
        catch (StoreException failure) when (IsOfTheFolder(failure))
        {
            throw Named(failure);
        }
    }

    // An object that is not there, or not as it should be, is an answer, and its meaning depends on who asks.
    private static bool IsOfTheFolder(StoreException failure) =>
        failure.Failure is not (StoreFailure.NotFound or StoreFailure.Mismatch or StoreFailure.TooLong);

    private StoreException Named(StoreException failure) =>
        new(StoreFailure.Other, failure.Operation, failure.ObjectName, failure.Failure switch
    {
        StoreFailure.Full => $"the spool {Description} is full: {failure.Reason}; make room there, or back up without --spool",
        StoreFailure.Unreachable => $"the spool {Description} cannot be reached: {failure.Reason}; mount it again, or back up without "
            + "--spool",
        _ => $"the spool {Description} failed: {failure.Reason}",
    }, failure);
}
