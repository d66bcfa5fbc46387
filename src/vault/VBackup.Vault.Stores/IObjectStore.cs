namespace VBackup.Vault.Stores;

/// <summary>
/// Where a vault's objects are kept. Every operation is atomic for one object and visible to everybody at once.
/// A listing is not atomic: an object that exists all the while is named once; one that comes or goes meanwhile may or
/// may not be. Names come in ordinal order. All members are thread-safe.
/// Failures are <see cref="StoreException"/>s, which name the operation and the object. A name is made of ASCII letters,
/// digits, <c>-</c>, <c>_</c>, <c>.</c> and single inner slashes, 200 characters at most, no segment starting with a dot;
/// any other is an <see cref="ArgumentException"/>, and what a store holds under another name is not listed.
/// No name may be the folder of another (<c>a</c> and <c>a/b</c>): not every store can keep both.
/// </summary>
public interface IObjectStore : IAsyncDisposable
{
    /// <summary>What a user calls this store: a folder's path, or <c>s3://bucket/prefix</c>. Never holds a secret.</summary>
    string Description { get; }

    /// <summary>Stores a small object whole and durably; replaces one of that name.</summary>
    Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>Stores a small object durably unless one of that name exists; exactly one of many callers gets true.</summary>
    /// <returns>False when the object exists already, whoever made it.</returns>
    /// <exception cref="NotSupportedException">The store cannot create once (see <see cref="CanCreateOnceAsync"/>).</exception>
    Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation);

    /// <summary>Whether <see cref="CreateOnceAsync"/> is honoured. Found out by trying, with objects named <c>probe/…</c>.</summary>
    Task<bool> CanCreateOnceAsync(CancellationToken cancellation);

    /// <summary>Starts a large object that is written piece by piece and appears, whole, at its commit.</summary>
    ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation);

    /// <summary>Fills <paramref name="buffer"/> from <paramref name="offset"/> on.</summary>
    /// <returns>Bytes read: fewer than asked for only where the object ends.</returns>
    ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation);

    /// <summary>Fills <paramref name="buffer"/> with the object's end.</summary>
    /// <returns>Bytes read (fewer than asked for when the object is shorter; they stand at the buffer's start) and the
    /// object's whole length.</returns>
    ValueTask<(int Read, long ObjectLength)> ReadTailAsync(string name, Memory<byte> buffer, CancellationToken cancellation);

    /// <summary>Reads a small object whole.</summary>
    /// <exception cref="StoreException">Also when it is longer than <paramref name="lengthMax"/> bytes.</exception>
    Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation);

    /// <summary>Whether an object exists.</summary>
    Task<bool> ExistsAsync(string name, CancellationToken cancellation);

    /// <summary>All objects whose name starts with <paramref name="prefix"/>, in ordinal order of their names.</summary>
    IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation);

    /// <summary>Deletes an object, for good. One that does not exist is no error.</summary>
    /// <exception cref="StoreException">Of kind <see cref="StoreFailure.Held"/>: it is held, and stays.</exception>
    Task DeleteAsync(string name, CancellationToken cancellation);

    /// <summary>Large objects that were started and neither committed nor discarded, dead writers' among them, and, on
    /// a file system, small ones whose put was cut short. One of which nothing has reached the store yet is not
    /// named.</summary>
    IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(CancellationToken cancellation);

    /// <summary>Whether the store keeps what is deleted or replaced, as versions, or under a lock.</summary>
    /// <returns>How, in one line; null when it does not, or does not tell.</returns>
    Task<string?> FindKeptVersionsAsync(CancellationToken cancellation) => Task.FromResult<string?>(null);

    /// <summary>Whether the store can hold objects: refuse to delete or replace them before a time, whoever asks, with whatever
    /// credentials. One that can keeps the first content of a name that was put, until that is deleted, whatever is put over it.</summary>
    Task<bool> CanHoldAsync(CancellationToken cancellation) => Task.FromResult(false);

    /// <summary>Until when an object is held; null when it is not, or was never. A time that is over holds nothing any more.</summary>
    Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation) => Task.FromResult<DateTimeOffset?>(null);

    /// <summary>Holds an object until a time at least. A hold only ever gets longer: one that lasts longer already stays. There is no
    /// way back. A time that is over holds nothing: whether one may is found out by it.</summary>
    /// <exception cref="NotSupportedException">The store cannot hold objects (see <see cref="CanHoldAsync"/>).</exception>
    Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation) =>
        throw new NotSupportedException($"{Description} cannot hold objects.");

    /// <summary>Removes what an unfinished writer left. Its writer, if alive, fails at the latest when it
    /// commits.</summary>
    Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation);
}

/// <summary>One large object on its way into a store. Not thread-safe. Disposing without a commit discards it.</summary>
public interface IObjectWriter : IAsyncDisposable
{
    /// <summary>Bytes appended so far.</summary>
    long Length { get; }

    /// <summary>Appends. The buffer may be used again as soon as the returned task is done. When this fails as
    /// <see cref="StoreFailure.Transient"/>, nothing was appended and it may be tried again; after any other failure the
    /// writer is only good for disposing.</summary>
    ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation);

    /// <summary>Makes the object durable and visible under its name. Once it has succeeded, calling it again does
    /// nothing. When it fails as <see cref="StoreFailure.Transient"/>, the object may be there or not, and commit may be
    /// tried again; after any other failure the writer is only good for disposing.</summary>
    ValueTask CommitAsync(CancellationToken cancellation);
}

/// <summary>An object of a store.</summary>
public readonly record struct ObjectEntry(string Name, long LengthBytes);

/// <summary>A large object that was never committed; <paramref name="Handle"/> means something to its store only.</summary>
public readonly record struct UnfinishedObject(string Name, string Handle);
