namespace VBackup.Cli.Demo;

/// <summary>Files of this machine to fill volumes with: programs, libraries, documents, whatever is installed.</summary>
sealed class MachineFiles
{
    const long FileSizeMax = 48L << 20;
    const int BlockSize = 4096;
    static readonly string[] s_folders = ["/usr", "/opt", "/etc"];

    readonly List<(string Path, long Size)> _files = [];
    int _next;

    /// <summary>Looks for files of so many bytes in all, or as many as there are.</summary>
    public static MachineFiles Find(long wantedBytes, CancellationToken cancellation)
    {
        var found = new MachineFiles();
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Device,
        };
        foreach (var folder in s_folders.Where(Directory.Exists))
            foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", options))
            {
                cancellation.ThrowIfCancellationRequested();
                if (file.Length is 0 or > FileSizeMax || !Ext4Image.CanName(file.FullName)) continue;
                found._files.Add((file.FullName, file.Length));
                found.TotalBytes += Rounded(file.Length);
                if (found.TotalBytes >= wantedBytes) return found;
            }
        return found;
    }

    /// <summary>With each file rounded up to whole blocks, as a file system keeps it.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>The next files of so many bytes at most, none of them given out before. One that does not fit is passed over.</summary>
    public List<string> Take(long bytes, int filesMax)
    {
        List<string> taken = [];
        for (; _next < _files.Count && taken.Count < filesMax && bytes >= BlockSize; _next++)
        {
            if (Rounded(_files[_next].Size) > bytes) continue;
            taken.Add(_files[_next].Path);
            bytes -= Rounded(_files[_next].Size);
        }
        return taken;
    }

    static long Rounded(long size) => (size + BlockSize - 1) / BlockSize * BlockSize;
}
