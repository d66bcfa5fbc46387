using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.Crashes;

/// <summary>A vault's store as one worker sees it, as long as it lives. What it had begun to write stays as it is when it dies.</summary>
sealed class MortalStore(IObjectStore inner, Life life) : DecoratingStore(inner)
{
    protected override Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
        life.DoAsync(operation switch
        {
            StoreOperation.Put => Place.PutObject,
            StoreOperation.CreateOnce or StoreOperation.CanCreateOnce => Place.CreateObject,
            StoreOperation.OpenWriter or StoreOperation.Append => Place.AppendObject,
            StoreOperation.Commit => Place.CommitObject,
            StoreOperation.Read or StoreOperation.ReadTail or StoreOperation.Get => Place.ReadObject,
            StoreOperation.Exists => Place.LookForObject,
            StoreOperation.Delete or StoreOperation.DiscardUnfinished => Place.DeleteObject,
            _ => Place.ListObjects,
        }, run, cancellation);

    public override async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) =>
        new Writer(await base.OpenWriterAsync(name, cancellation), life);

    sealed class Writer(IObjectWriter writer, Life life) : IObjectWriter
    {
        public long Length => writer.Length;

        public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) => writer.AppendAsync(piece, cancellation);

        public ValueTask CommitAsync(CancellationToken cancellation) => writer.CommitAsync(cancellation);

        // Disposing would remove what was begun.
        public ValueTask DisposeAsync() => life.IsDead ? ValueTask.CompletedTask : writer.DisposeAsync();
    }
}
