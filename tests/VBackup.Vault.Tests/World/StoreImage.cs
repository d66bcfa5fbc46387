using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>All objects of a store at one instant, to be damaged and put into another store.</summary>
internal sealed class StoreImage
{
    private readonly SortedDictionary<string, byte[]> _objects = new(StringComparer.Ordinal);

    public IEnumerable<string> Names => _objects.Keys;
    public byte[] this[string name] => _objects[name];

    public static async Task<StoreImage> TakeAsync(IObjectStore store)
    {
        var image = new StoreImage();
        await foreach (var entry in store.ListAsync("", default))
            image._objects[entry.Name] = await store.GetAsync(entry.Name, int.MaxValue, default);
        return image;
    }

    /// <summary>An image of the files below a folder, whose paths are the names.</summary>
    public static StoreImage OfFolder(string folder)
    {
        var image = new StoreImage();
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            image._objects[Path.GetRelativePath(folder, file).Replace('\\', '/')] = File.ReadAllBytes(file);
        return image;
    }

    public void WriteFolder(string folder)
    {
        foreach (var (name, content) in _objects)
        {
            var path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, content);
        }
    }

    public IEnumerable<string> Under(string prefix) => _objects.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal));

    public StoreImage Copy()
    {
        var copy = new StoreImage();
        foreach (var (name, content) in _objects) copy._objects.Add(name, content);
        return copy;
    }

    /// <summary>A copy in which one byte of an object is another.</summary>
    public StoreImage Flip(string name, int offset, byte mask = 1)
    {
        var copy = Copy();
        var content = _objects[name].ToArray();
        content[offset] ^= mask;
        copy._objects[name] = content;
        return copy;
    }

    public StoreImage With(string name, byte[] content)
    {
        var copy = Copy();
        copy._objects[name] = content;
        return copy;
    }

    public StoreImage Truncate(string name, int length) => With(name, _objects[name][..length]);

    public StoreImage Without(params IEnumerable<string> names)
    {
        var copy = Copy();
        foreach (var name in names.ToList()) copy._objects.Remove(name);
        return copy;
    }

    public StoreImage Swap(string one, string other) => With(one, _objects[other]).With(other, _objects[one]);

    public async Task<MemoryStore> ToStoreAsync()
    {
        var store = new MemoryStore();
        foreach (var (name, content) in _objects) await store.PutAsync(name, content, default);
        return store;
    }
}
