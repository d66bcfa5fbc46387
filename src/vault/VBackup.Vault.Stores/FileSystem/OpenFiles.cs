using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>
/// The files read last, kept open: a restore reads the same packs again and again. A handle that is pushed out while
/// somebody reads from it is closed when that read is done; a reader who had only fetched it finds it closed and fetches
/// it anew. Thread-safe.
/// </summary>
sealed class OpenFiles(int countMax) : IDisposable
{
    readonly Lock gate = new();
    readonly Dictionary<string, LinkedListNode<(string Name, SafeFileHandle File)>> byName = new(StringComparer.Ordinal);
    readonly LinkedList<(string Name, SafeFileHandle File)> lastUsedFirst = new();
    bool disposed;

    public SafeFileHandle? Find(string name)
    {
        lock (gate)
        {
            if (!byName.TryGetValue(name, out var node))
                return null;
            lastUsedFirst.Remove(node);
            lastUsedFirst.AddFirst(node);
            return node.Value.File;
        }
    }

    /// <summary>Takes the handle over.</summary>
    public void Add(string name, SafeFileHandle file)
    {
        SafeFileHandle? close = null;
        lock (gate)
        {
            if (disposed)
            {
                close = file;
            }
            else
            {
                Remove(name, out close);
                if (byName.Count == countMax)
                    Remove(lastUsedFirst.Last!.Value.Name, out close);
                byName.Add(name, lastUsedFirst.AddFirst((name, file)));
            }
        }
        close?.Dispose();
    }

    public void Forget(string name)
    {
        SafeFileHandle? close;
        lock (gate)
            Remove(name, out close);
        close?.Dispose();
    }

    void Remove(string name, out SafeFileHandle? file)
    {
        file = null;
        if (!byName.Remove(name, out var node))
            return;
        lastUsedFirst.Remove(node);
        file = node.Value.File;
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            foreach (var (_, file) in lastUsedFirst)
                file.Dispose();
            lastUsedFirst.Clear();
            byName.Clear();
        }
    }
}
