namespace VBackup.Clouds.Volumes;

/// <summary>Small files that are there as a whole or not at all, also after a power cut. Blocking.</summary>
internal static class WholeFile
{
    public static void Write(string path, byte[] content)
    {
        var fresh = path + ".new";
        using (var file = File.OpenHandle(fresh, FileMode.Create, FileAccess.Write, FileShare.ReadWrite))
        {
            RandomAccess.Write(file, content, 0);
            RandomAccess.FlushToDisk(file);
        }
        File.Move(fresh, path, overwrite: true);
        FileIdentity.SyncFolderOf(path);
    }
}
