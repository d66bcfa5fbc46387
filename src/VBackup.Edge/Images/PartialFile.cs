using VBackup.Clouds.Volumes;
using VBackup.Edge.Running;

namespace VBackup.Edge.Images;

/// <summary>
/// A file that is being written under a name of its own, <c>.NAME.vbackup-part</c>, for its owner's eyes only, and locked as long as its
/// process lives. Publishing makes it durable and gives it its name; otherwise disposing deletes it. What a killed process left is
/// deleted by the next one that works in the folder.
/// </summary>
public sealed class PartialFile : IDisposable
{
    const string Suffix = ".vbackup-part";
    const int WouldBlock = 11;      // EWOULDBLOCK: another process has the lock

    readonly string _target;
    bool _isPublished;

    PartialFile(string target, string path, FileVolume volume) => (_target, Path, Volume) = (target, path, volume);

    public string Path { get; }
    public FileVolume Volume { get; }

    /// <param name="target">The name that it is to have.</param>
    /// <exception cref="IOException">Another process writes the same.</exception>
    public static PartialFile Make(string target, long lengthBytes)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(target))!;
        TidyUp(folder);
        var path = System.IO.Path.Combine(folder, $".{System.IO.Path.GetFileName(target)}{Suffix}");
        var volume = FileVolume.OpenTarget(path, lengthBytes);
        if (volume.IsNew) return new(target, path, volume);
        volume.Dispose();
        throw new RefusedException($"{path} is in the way: remove it");
    }

    /// <exception cref="RefusedException">There is something of that name.</exception>
    public static void RefuseExisting(string target)
    {
        if (Directory.Exists(target)) throw new RefusedException($"{target} is a folder: name a file in it");
        if (FileIdentity.Of(target) is not null || new FileInfo(target).LinkTarget is not null)
            throw new RefusedException($"there is a {target} already: remove it, or give another name");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(target))!;
        if (!Directory.Exists(folder)) throw new RefusedException($"there is no folder {folder}");
    }

    public async Task PublishAsync(CancellationToken cancellation)
    {
        await Volume.FlushAsync(cancellation).ConfigureAwait(false);
        File.Move(Path, _target, overwrite: true);
        _isPublished = true;
        FileIdentity.SyncFolderOf(_target);
    }

    static void TidyUp(string folder)
    {
        foreach (var left in Directory.EnumerateFiles(folder, $".*{Suffix}"))
        {
            if (new FileInfo(left).LinkTarget is not null) continue;
            try
            {
                using var file = File.OpenHandle(left, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(left);
            }
            catch (IOException busy) when (busy is FileNotFoundException || busy.HResult == WouldBlock)
            {
                // Somebody is at work on it, or was and has just ended.
            }
            catch (UnauthorizedAccessException)
            {
                // Another user's, for that user's next run.
            }
        }
    }

    public void Dispose()
    {
        // Deleted while it is still locked, so that nobody else's file of that name can be meant.
        if (!_isPublished) File.Delete(Path);
        Volume.Dispose();
    }
}
