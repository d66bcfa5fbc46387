using System.Text.Json.Serialization.Metadata;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault;

/// <summary>An open vault: a store and the keys to what is in it. Thread-safe. Owns both.</summary>
public sealed partial class BackupVault : IAsyncDisposable
{
    /// <summary>Longer small objects are rare, and nothing but their length says so far that they are ours: they are read one at a
    /// time, so that forged ones do not fill the memory.</summary>
    private const int CommonSizeMax = 1024 * 1024;

    private readonly SemaphoreSlim _longObjects = new(1);

    internal BackupVault(IObjectStore store, VaultHeader header, VaultKeys keys, VaultRuntime runtime)
    {
        Store = DamageTellingStore.Around(store);
        Header = header;
        Keys = keys;
        Runtime = runtime;
    }

    /// <summary>What cannot be read of it is <see cref="DamageException"/>, as what is read and wrong.</summary>
    public IObjectStore Store { get; }
    public VaultHeader Header { get; }
    public VaultRuntime Runtime { get; }
    public int ChunkSize => Header.ChunkSize;

    /// <summary>The id of a chunk's content. Allocates nothing.</summary>
    public ContentId ChunkId(ReadOnlySpan<byte> content) => Keys.ChunkId(content);

    internal VaultKeys Keys { get; }

    /// <summary>Copies of some packs, nearer than the store; only ever a help.</summary>
    internal IObjectStore? PackCache { get; set; }
    internal TimeProvider Clock => Runtime.Clock;

    /// <summary>Reads a small sealed object; null when there is none.</summary>
    internal async Task<T?> FindAsync<T>(ObjectKind kind, string name, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        try
        {
            T? document = null;
            await ReadSmallAsync(name, sealedBytes => document = SealedDocument.OpenJson(Keys, kind, name, sealedBytes, type), cancellation)
                .ConfigureAwait(false);
            return document;
        }
        catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>Reads a small object, and opens it.</summary>
    internal async Task ReadSmallAsync(string name, Action<byte[]> open, CancellationToken cancellation)
    {
        try
        {
            open(await Store.GetAsync(name, CommonSizeMax, cancellation).ConfigureAwait(false));
            return;
        }
        catch (StoreException tooLong) when (tooLong.Failure == StoreFailure.TooLong)
        {
            await _longObjects.WaitAsync(cancellation).ConfigureAwait(false);
        }
        try
        {
            open(await SmallObjects.GetAsync(Store, name, FormatLimits.SmallObjectSizeMax, cancellation).ConfigureAwait(false));
        }
        finally
        {
            _longObjects.Release();
        }
    }

    internal Task PutAsync<T>(ObjectKind kind, string name, T document, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        Store.PutAsync(name, SealedDocument.SealJson(Keys, kind, name, document, type), cancellation);

    /// <summary>Stores a small object so that it cannot arrive a second time, after its deletion (F5): as a large object,
    /// whose commit a store carries out once.</summary>
    internal async Task PutFencedAsync<T>(
        ObjectKind kind, string name, T document, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        var bytes = SealedDocument.SealJson(Keys, kind, name, document, type);
        var writer = await Store.OpenWriterAsync(name, cancellation).ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            await writer.AppendAsync(bytes, cancellation).ConfigureAwait(false);
            await writer.CommitAsync(cancellation).ConfigureAwait(false);
        }
    }

    internal Task<PointDocument?> FindPointAsync(PointId id, CancellationToken cancellation) =>
        FindAsync(ObjectKind.Point, ObjectNames.Point(id), DocumentJson.Default.PointDocument, cancellation);

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync().ConfigureAwait(false);
        Keys.Dispose();
        _longObjects.Dispose();
    }
}
