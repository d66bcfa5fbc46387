using System.Security.Cryptography;
using VBackup.Platform.Secrets;

namespace VBackup.Cli.Up;

/// <summary>
/// The folder of an all-in-one system, for its owner's eyes only: a database for each service, the master key, the first location, and,
/// where no other cloud is named, a lab cloud. One process at a time.
/// </summary>
sealed class DataFolder : IDisposable
{
    readonly string _path;
    readonly FileStream _lock;

    DataFolder(string path, FileStream held) => (_path, _lock) = (path, held);

    public string PortalDatabase => Path.Combine(_path, "portal.db");
    public string BackupDatabase => Path.Combine(_path, "backup.db");
    public string SnapshotsDatabase => Path.Combine(_path, "snapshots.db");
    public string Location => Path.Combine(_path, "location");
    public string Cloud => Path.Combine(_path, "cloud");
    string MasterKeyFile => Path.Combine(_path, "master.key");

    /// <exception cref="RefusedException">Another process has it, or it cannot be made.</exception>
    public static DataFolder Open(string folder)
    {
        var path = Path.GetFullPath(folder);
        try
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            // The kernel gives it free when the process dies.
            return new(path, new(Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new RefusedException($"--data {folder}: it cannot be used, or another 'vbackup up' has it: {failure.Message}");
        }
    }

    /// <summary>Made at the first start. Whoever loses it loses what the databases keep under it.</summary>
    /// <exception cref="RefusedException">The file is not a key, or it is gone and was there.</exception>
    public MasterKey OpenMasterKey()
    {
        if (!File.Exists(MasterKeyFile))
        {
            if (File.Exists(BackupDatabase))
                throw new RefusedException($"{MasterKeyFile} is gone, and the projects' keys in {BackupDatabase} open with nothing else: bring it back from where you keep a copy");
            var fresh = RandomNumberGenerator.GetBytes(MasterKey.Size);
            var part = MasterKeyFile + ".new";
            using (var file = new FileStream(part, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                file.Write(fresh);
                file.Flush(flushToDisk: true);
            }
            CryptographicOperations.ZeroMemory(fresh);
            File.Move(part, MasterKeyFile);
        }
        var key = File.ReadAllBytes(MasterKeyFile);
        try
        {
            return key.Length == MasterKey.Size ? new(key)
                : throw new RefusedException($"{MasterKeyFile} has {key.Length} bytes and is no master key, which has {MasterKey.Size}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    public void Dispose() => _lock.Dispose();
}
