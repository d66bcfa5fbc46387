using System.IO.Enumeration;

namespace VBackup.Vault.Stores;

/// <summary>An object, or a folder that may hold objects. <see cref="Name"/> is relative to the store's root.</summary>
/// <param name="Identity">Of a folder, by whatever path it was reached.</param>
readonly record struct FolderEntry(string Name, bool IsFolder, long LengthBytes, (long Device, long File) Identity);

static class FolderListing
{
    // Without this .NET leaves out hidden files and passes over folders it may not read, which then seem empty.
    static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0, IgnoreInaccessible = false, ReturnSpecialDirectories = false, MatchType = MatchType.Simple,
    };

    /// <summary>
    /// What is in a folder and may start with the prefix, so sorted that going into each folder where it stands gives
    /// the objects' names in ordinal order. What vanishes meanwhile is left out, a vanished folder is empty.
    /// </summary>
    /// <param name="above">The folder and those that it lies in: a link that leads back to one of them would never end.</param>
    /// <exception cref="StoreException">There is such a link.</exception>
    public static List<FolderEntry> Read(string root, string folder, string prefix, IReadOnlyList<(long Device, long File)> above)
    {
        List<FolderEntry> entries = [];
        foreach (string fileName in NamesIn(folder.Length == 0 ? root : $"{root}/{folder}"))
        {
            string name = folder.Length == 0 ? fileName : $"{folder}/{fileName}";
            if (!ObjectName.IsValid(name) || !MayHold(name, prefix))
                continue;
            if (StatusOf(root, name) is not { } status)
                continue;
            if (status.IsFolder && above.Contains(status.Identity))
                throw LeadsBack(name);
            if (status.IsFolder)
                entries.Add(new FolderEntry(name, true, 0, status.Identity));
            else if (status.IsRegularFile && name.StartsWith(prefix, StringComparison.Ordinal))
                entries.Add(new FolderEntry(name, false, status.LengthBytes, status.Identity));
        }
        entries.Sort((a, b) => string.CompareOrdinal(SortKey(a), SortKey(b)));
        return entries;
    }

    static FileStatus? StatusOf(string root, string name)
    {
        try
        {
            return Posix.Status($"{root}/{name}");
        }
        catch (PosixException e) when (e.Errno == Libc.ELOOP)
        {
            throw LeadsBack(name);
        }
    }

    static StoreException LeadsBack(string name) => new(StoreFailure.Other, StoreOperation.List.Verb(), name,
        "is a symbolic link that leads back to itself or to a folder it lies in: replace it by a folder, or remove it");

    /// <summary>Files that were never given their object's name, in ordinal order of those.</summary>
    public static List<UnfinishedObject> ReadUnfinished(string root)
    {
        List<UnfinishedObject> found = [];
        foreach (string fileName in NamesIn($"{root}/{ObjectName.UnfinishedFolder}"))
        {
            if (UnfinishedFile.ObjectNameOf(fileName) is { } name)
                found.Add(new UnfinishedObject(name, fileName));
        }
        found.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return found;
    }

    /// <summary>Whether a file is, or a folder may hold, an object whose name starts with the prefix.</summary>
    static bool MayHold(string name, string prefix) => name.Length < prefix.Length
        ? prefix[name.Length] == '/' && prefix.StartsWith(name, StringComparison.Ordinal)
        : name.StartsWith(prefix, StringComparison.Ordinal);

    static string SortKey(FolderEntry entry) => entry.IsFolder ? entry.Name + "/" : entry.Name;

    static IEnumerable<string> NamesIn(string path)
    {
        try
        {
            return [.. new FileSystemEnumerable<string>(path,
                (ref FileSystemEntry entry) => entry.FileName.ToString(), Everything)];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (UnauthorizedAccessException)
        {
            throw new PosixException("opendir", Libc.EACCES);
        }
        catch (IOException e) when (e.HResult is > 0 and < 4096)
        {
            throw new PosixException("readdir", e.HResult); // .NET passes Linux's error number on.
        }
    }
}
