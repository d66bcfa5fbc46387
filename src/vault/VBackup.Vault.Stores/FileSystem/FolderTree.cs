namespace VBackup.Vault.Stores;

/// <summary>
/// Creates folders so that their names are durable before anything relies on them. A folder that exists may have been
/// made by another process that has not synced its parent yet; so each is synced once by every process. Thread-safe.
/// </summary>
sealed class FolderTree(string root)
{
    readonly Lock gate = new();
    readonly HashSet<string> durable = new(StringComparer.Ordinal);

    /// <summary>Creates a folder and its parents up to the root, which must exist, unless this is known to be done.</summary>
    /// <param name="folder">Relative to the root, with slashes; empty for the root itself.</param>
    public void Ensure(string folder)
    {
        lock (gate)
        {
            if (folder.Length == 0 || durable.Contains(folder))
                return;
        }
        string parent = ParentOf(folder);
        Ensure(parent);
        string path = $"{root}/{folder}";
        if (!Posix.TryMakeFolder(path) && Posix.Status(path) is not { IsFolder: true })
            throw new PosixException("mkdir", Libc.ENOTDIR);
        Posix.SyncFolder($"{root}/{parent}");
        lock (gate)
            durable.Add(folder);
    }

    /// <summary>Forgets what is known of a folder and its parents: somebody removed one.</summary>
    public void Forget(string folder)
    {
        lock (gate)
        {
            for (; folder.Length > 0; folder = ParentOf(folder))
                durable.Remove(folder);
        }
    }

    /// <summary>The folder an object or a folder is in; empty for the root.</summary>
    public static string ParentOf(string name) => name.LastIndexOf('/') is var slash and >= 0 ? name[..slash] : "";
}
