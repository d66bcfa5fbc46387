using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>
/// A store in a folder of a local or network file system (ext4, XFS, CephFS, NFS). An object is a file of its name.
/// It is written to <c>unfinished/</c>, synced, renamed to its name, and then its folder is synced; so a name always
/// stands for whole and durable content, and an operation that returned survives a loss of power. Between the rename and
/// the last sync, others see an object that a loss of power can still undo.
/// <see cref="ReadAsync"/> and appends complete on the caller's thread: to have several under way at once, call from several.
/// Packs and index objects are read through handles that stay open, so one that another process deleted may be readable
/// for a while. Thread-safe.
/// </summary>
public sealed class FileSystemStore : IObjectStore
{
    const int OpenFilesMax = 32;

    readonly SafeFileHandle rootHandle;
    readonly string root;
    readonly FolderTree folders;
    readonly OpenFiles openFiles = new(OpenFilesMax);

    FileSystemStore(string description, SafeFileHandle rootHandle)
    {
        Description = description;
        this.rootHandle = rootHandle;
        // Every path goes through the folder as it was when the store was opened. Were it unmounted and the empty
        // mount point read instead, every object would seem to be gone.
        root = $"/proc/self/fd/{rootHandle.DangerousGetHandle()}";
        folders = new FolderTree(root);
        IsOnLocalDisk = Posix.IsOnLocalDisk(rootHandle);
    }

    /// <summary>Whether it lies on a disk of this machine, and not on a file system over a network, nor on one that a program serves.
    /// </summary>
    public bool IsOnLocalDisk { get; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>Opens a folder as a store.</summary>
    /// <param name="folder">A path.</param>
    /// <param name="create">Whether to create the folder, and its parents, when it does not exist.</param>
    /// <exception cref="StoreException">The folder does not exist, is none, or may not be read.</exception>
    public static FileSystemStore Open(string folder, bool create = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string path = Path.GetFullPath(folder);
        try
        {
            if (create)
                CreateFolder(path);
            var handle = Posix.OpenForReading(path);
            if (Posix.Status(handle).IsFolder)
                return new FileSystemStore(path, handle);
            handle.Dispose();
            throw new StoreException(StoreFailure.Other, "open", path, "it is not a folder");
        }
        catch (PosixException e) when (e.Errno == Libc.ENOENT)
        {
            throw new StoreException(StoreFailure.NotFound, "open", path, "there is no such folder (not mounted?)", e);
        }
        catch (PosixException e)
        {
            throw FileSystemFailure.Of("open", path, e);
        }
    }

    static void CreateFolder(string path)
    {
        if (Posix.Status(path) is not null || Path.GetDirectoryName(path) is not { } parent)
            return;
        CreateFolder(parent);
        Posix.TryMakeFolder(path);
        Posix.SyncFolder(parent);
    }

    /// <inheritdoc/>
    public Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return RunAsync(StoreOperation.Put, name, () =>
        {
            string unfinished = WriteUnfinished(name, content.Span);
            try
            {
                MoveInto(unfinished, name);
            }
            catch
            {
                TryRemove(unfinished);
                throw;
            }
            return true;
        }, cancellation);
    }

    /// <inheritdoc/>
    public Task<bool> CreateOnceAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return RunAsync(StoreOperation.CreateOnce, name, () => CreateOnce(name, content.Span), cancellation);
    }

    bool CreateOnce(string name, ReadOnlySpan<byte> content)
    {
        string unfinished = WriteUnfinished(name, content);
        try
        {
            // Over NFS a link whose answer was lost is asked for again and then "exists"; the count of links knows better.
            bool created = InFolderOf(name, unfinished, path => Posix.TryLink(unfinished, path))
                || Posix.Status(unfinished) is { Links: > 1 };
            // Also when another was first: it may not have synced yet, and our caller will rely on what it finds.
            SyncFolderOf(name);
            return created;
        }
        catch (PosixException e) when (e is { Message: var m, Errno: Libc.EPERM or Libc.EOPNOTSUPP or Libc.ENOSYS
                                              or Libc.EMLINK } && m.StartsWith("link", StringComparison.Ordinal))
        {
            throw new NotSupportedException($"The file system of {Description} has no hard links.", e);
        }
        finally
        {
            TryRemove(unfinished);
        }
    }

    /// <inheritdoc/>
    public Task<bool> CanCreateOnceAsync(CancellationToken cancellation) =>
        RunAsync(StoreOperation.CanCreateOnce, "probe", HasLinks, cancellation);

    // Tried with unfinished files: what somebody leaves who is killed meanwhile is tidied up by the next collection.
    bool HasLinks()
    {
        string first = WriteUnfinished("probe", "probe"u8);
        string second = $"{root}/{ObjectName.UnfinishedFolder}/{UnfinishedFile.NewNameFor("probe")}";
        try
        {
            return Posix.TryLink(first, second) && !Posix.TryLink(first, second);
        }
        catch (PosixException e) when (e.Errno is Libc.EPERM or Libc.EOPNOTSUPP or Libc.ENOSYS or Libc.EMLINK)
        {
            return false;
        }
        finally
        {
            TryRemove(second);
            TryRemove(first);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return await RunAsync(StoreOperation.OpenWriter, name, () =>
        {
            var (path, file) = CreateUnfinished(name);
            return new FileSystemWriter(this, Use(), name, path, file);
        }, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<int>(cancellation);
        try
        {
            return ValueTask.FromResult(Read(name, offset, buffer.Span));
        }
        catch (PosixException e)
        {
            return ValueTask.FromException<int>(FileSystemFailure.Of(StoreOperation.Read, name, e));
        }
        catch (StoreException e)
        {
            return ValueTask.FromException<int>(e);
        }
    }

    int Read(string name, long offset, Span<byte> buffer)
    {
        if (!MayStayOpen(name))
        {
            using var once = OpenObject(name);
            return Posix.Read(once, buffer, offset);
        }
        while (true)
        {
            if (openFiles.Find(name) is not { } file)
            {
                file = OpenObject(name);
                openFiles.Add(name, file);
            }
            try
            {
                return Posix.Read(file, buffer, offset);
            }
            catch (ObjectDisposedException)
            {
                ObjectDisposedException.ThrowIf(rootHandle.IsClosed, this);
                // Pushed out of the cache between our finding and our reading it: find it again.
            }
            catch (PosixException)
            {
                openFiles.Forget(name); // Stale, perhaps; whoever tries again opens it anew.
                throw;
            }
        }
    }

    /// <summary>These are never overwritten, so an open handle never reads what was replaced.</summary>
    static bool MayStayOpen(string name) =>
        name.StartsWith("packs/", StringComparison.Ordinal) || name.StartsWith("index/", StringComparison.Ordinal);

    SafeFileHandle OpenObject(string name)
    {
        using var use = new RootUse(rootHandle);
        SafeFileHandle file;
        try
        {
            file = Posix.OpenForReading(PathOf(name));
        }
        catch (PosixException e) when (e.Errno == Libc.ENXIO)
        {
            throw NoFile(name, e); // A socket cannot be opened at all.
        }
        try
        {
            var status = Posix.Status(file);
            if (status.IsRegularFile)
                return file;
            // A folder is no object; anything else stands in the place of one.
            throw status.IsFolder ? new PosixException("open", Libc.ENOENT) : NoFile(name, null);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    static StoreException NoFile(string name, PosixException? cause) => StoreOperation.Read.Failed(StoreFailure.Unreadable, name,
        "it is not a file but a pipe, a socket or a device: put the object back from a copy of the vault, or remove what lies there",
            cause);

    /// <inheritdoc/>
    public async ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return await RunAsync(StoreOperation.ReadTail, name, () =>
        {
            using var file = OpenObject(name);
            long length = Posix.Status(file).LengthBytes;
            int read = Posix.Read(file, buffer.Span, Math.Max(0, length - buffer.Length));
            return read == Math.Min(length, buffer.Length)
                ? (read, length)
                : throw StoreOperation.ReadTail.Failed(StoreFailure.Mismatch, name, "it changed while it was read");
        }, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthMax);
        return RunAsync(StoreOperation.Get, name, () =>
        {
            using var file = OpenObject(name);
            long length = Posix.Status(file).LengthBytes;
            if (length > lengthMax)
                throw MemoryStore.TooLong(name, length, lengthMax);
            byte[] content = new byte[length];
            return Posix.Read(file, content, 0) == length
                ? content
                : throw StoreOperation.Get.Failed(StoreFailure.Mismatch, name, "it changed while it was read");
        }, cancellation);
    }

    /// <inheritdoc/>
    public Task<bool> ExistsAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return RunAsync(StoreOperation.Exists, name,
            () => Posix.Status(PathOf(name)) is { IsRegularFile: true }, cancellation);
    }

    /// <inheritdoc/>
    public Task DeleteAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return RunAsync(StoreOperation.Delete, name, () =>
        {
            openFiles.Forget(name);
            string path = PathOf(name);
            if (Posix.Status(path) is { IsFolder: true })
                return false; // There is no object of that name, so there is nothing to delete.
            Posix.TryUnlink(path);
            string folder = $"{root}/{FolderTree.ParentOf(name)}";
            // Also when it was gone already: whoever removed it may not have synced.
            if (Posix.Status(folder) is { IsFolder: true })
                Posix.SyncFolder(folder);
            return true;
        }, cancellation);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation)
    {
        ObjectName.CheckPrefix(prefix);
        return ListFolderAsync("", prefix, [], cancellation);
    }

    async IAsyncEnumerable<ObjectEntry> ListFolderAsync(string folder, string prefix,
        IReadOnlyList<(long Device, long File)> above, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var entries = await RunAsync(StoreOperation.List, prefix,
            () => FolderListing.Read(root, folder, prefix, above), cancellation).ConfigureAwait(false);
        foreach (var entry in entries)
        {
            if (!entry.IsFolder)
            {
                yield return new ObjectEntry(entry.Name, entry.LengthBytes);
                continue;
            }
            await foreach (var inner in ListFolderAsync(entry.Name, prefix, [.. above, entry.Identity], cancellation).ConfigureAwait(false))
                yield return inner;
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var found = await RunAsync(StoreOperation.ListUnfinished, "", () => FolderListing.ReadUnfinished(root),
            cancellation).ConfigureAwait(false);
        foreach (var one in found)
            yield return one;
    }

    /// <inheritdoc/>
    public Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation)
    {
        if (UnfinishedFile.ObjectNameOf(unfinished.Handle) != unfinished.Name)
            throw new ArgumentException("Not a handle of this store.", nameof(unfinished));
        return RunAsync(StoreOperation.DiscardUnfinished, unfinished.Name,
            () => Posix.TryUnlink($"{root}/{ObjectName.UnfinishedFolder}/{unfinished.Handle}"), cancellation);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        openFiles.Dispose();
        rootHandle.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Gives a synced, unfinished file its name, durably.</summary>
    internal void MoveInto(string unfinishedPath, string name)
    {
        InFolderOf(name, unfinishedPath, path =>
        {
            Posix.Rename(unfinishedPath, path);
            return true;
        });
        openFiles.Forget(name);
        SyncFolderOf(name);
    }

    /// <summary>Gives an unfinished file a name, in a folder that is made when it is missing.</summary>
    bool InFolderOf(string name, string unfinishedPath, Func<string, bool> act)
    {
        string folder = FolderTree.ParentOf(name);
        folders.Ensure(folder);
        try
        {
            return act(PathOf(name));
        }
        catch (PosixException e) when (e.Errno == Libc.ENOENT && Posix.Status(unfinishedPath) is not null)
        {
            // Somebody tidied empty folders away.
            folders.Forget(folder);
            folders.Ensure(folder);
            return act(PathOf(name));
        }
    }

    string WriteUnfinished(string name, ReadOnlySpan<byte> content)
    {
        var (path, file) = CreateUnfinished(name);
        try
        {
            using (file)
            {
                Posix.Write(file, content, 0);
                Posix.Sync(file);
            }
            return path;
        }
        catch
        {
            TryRemove(path);
            throw;
        }
    }

    (string Path, SafeFileHandle File) CreateUnfinished(string name)
    {
        string path = $"{root}/{ObjectName.UnfinishedFolder}/{UnfinishedFile.NewNameFor(name)}";
        folders.Ensure(ObjectName.UnfinishedFolder);
        try
        {
            return (path, Posix.Create(path));
        }
        catch (PosixException e) when (e.Errno == Libc.ENOENT)
        {
            folders.Forget(ObjectName.UnfinishedFolder);
            folders.Ensure(ObjectName.UnfinishedFolder);
            return (path, Posix.Create(path));
        }
    }

    /// <summary>Removes an unfinished file on the way out of a failure, which must not be hidden by another.</summary>
    internal static void TryRemove(string unfinishedPath)
    {
        try
        {
            Posix.TryUnlink(unfinishedPath);
        }
        catch (PosixException)
        {
            // It stays, and is listed as unfinished.
        }
    }

    void SyncFolderOf(string name) => Posix.SyncFolder($"{root}/{FolderTree.ParentOf(name)}");

    string PathOf(string name) => $"{root}/{name}";

    async Task<T> RunAsync<T>(StoreOperation operation, string name, Func<T> run, CancellationToken cancellation)
    {
        try
        {
            return await Task.Run(() =>
            {
                using var use = new RootUse(rootHandle);
                return run();
            }, cancellation).ConfigureAwait(false);
        }
        catch (PosixException e)
        {
            throw FileSystemFailure.Of(operation, name, e);
        }
    }

    /// <summary>Keeps the root open for an operation: after it was closed, its number may name another folder.</summary>
    internal readonly struct RootUse : IDisposable
    {
        readonly SafeFileHandle root;

        /// <exception cref="ObjectDisposedException">The store was disposed of.</exception>
        public RootUse(SafeFileHandle root)
        {
            bool held = false;
            root.DangerousAddRef(ref held);
            this.root = root;
        }

        public void Dispose() => root.DangerousRelease();
    }

    internal RootUse Use() => new(rootHandle);
}
