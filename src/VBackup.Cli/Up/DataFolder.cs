using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using VBackup.Cli.Up.Settings;
using VBackup.Contracts.Limits;
using VBackup.Platform.Secrets;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Up;

/// <summary>
/// The folder of an all-in-one system, for its owner's eyes only: a database for each service, the master key, the first location, and,
/// where no other cloud is named, a lab cloud. One process at a time.
/// </summary>
sealed class DataFolder : IDisposable
{
    const string MasterKeyName = "master.key", LockName = "lock", RecoveringName = "recovering";

    readonly string _path;
    readonly FileLock _lock;

    DataFolder(string path, FileLock held) => (_path, _lock) = (path, held);

    public string PortalDatabase => Path.Combine(_path, "portal.db");
    public string BackupDatabase => Path.Combine(_path, "backup.db");
    public string SnapshotsDatabase => Path.Combine(_path, "snapshots.db");
    public string Location => Path.Combine(_path, LocationFolders.FirstName);
    public string Locations => Path.Combine(_path, LocationFolders.OthersName);
    public string Cloud => Path.Combine(_path, "cloud");
    public string Settings => Path.Combine(_path, SettingsReading.FileName);

    /// <summary>Where locations may be.</summary>
    /// <param name="roots">Null for the folder that is here for them.</param>
    public LocationFolders FoldersOf(IReadOnlyList<string>? roots) => new(roots ?? [Locations], _path);

    string MasterKeyFile => Path.Combine(_path, MasterKeyName);

    string NextMasterKeyFile => MasterKeyFile + ".next";
    string RecoveringMark => Path.Combine(_path, RecoveringName);

    /// <exception cref="RefusedException">Another process has it, it cannot be made, or something was broken off there that has to be
    /// ended first.</exception>
    public static DataFolder Open(string folder)
    {
        var data = Hold(folder);
        var unfinished = File.Exists(data.RecoveringMark) ? "a recovery was broken off there: run 'vbackup recover' again"
            : File.Exists(data.NextMasterKeyFile) ? "the change of its master key was broken off: run 'vbackup key rotate-master' again"
                : null;
        if (unfinished is null) return data;
        data.Dispose();
        throw new RefusedException($"--data {folder}: {unfinished}");
    }

    /// <summary>For a new master key: the one thing that may be broken off there is another attempt at it.</summary>
    /// <exception cref="RefusedException">There is no system, another process has it, or a recovery was broken off there.</exception>
    public static DataFolder OpenForNewMasterKey(string folder)
    {
        if (!File.Exists(Path.Combine(folder, MasterKeyName))) throw new RefusedException(
            $"--data {folder}: there is no {MasterKeyName}, so no system of 'vbackup up'");
        var data = Hold(folder);
        if (!File.Exists(data.RecoveringMark)) return data;
        data.Dispose();
        throw new RefusedException($"--data {folder}: a recovery was broken off there: run 'vbackup recover' again");
    }

    /// <summary>Whether a recovery may begin there: in an empty folder, or one where another recovery was broken off.</summary>
    /// <exception cref="RefusedException">Something is there.</exception>
    public static void RequireEmpty(string folder)
    {
        if (File.Exists(folder)) throw new RefusedException($"--data {folder} is a file: name a new folder");
        if (!Directory.Exists(folder) || File.Exists(Path.Combine(folder, RecoveringName))) return;
        if (Directory.EnumerateFileSystemEntries(folder).Any(entry => Path.GetFileName(entry) != LockName))
            throw new RefusedException($"--data {folder} is not empty: a system is built again in a folder of its own; name a new one");
    }

    /// <summary>Takes a folder for a recovery. Until <see cref="EndRecovery"/>, no system starts there.</summary>
    public static DataFolder BeginRecovery(string folder)
    {
        RequireEmpty(folder);
        var data = Hold(folder);
        using (var mark = File.OpenHandle(data.RecoveringMark, FileMode.OpenOrCreate, FileAccess.Write)) RandomAccess.FlushToDisk(mark);
        // What an attempt left that was broken off: a database's journal has its name and more.
        string[] ours = [data.PortalDatabase, data.BackupDatabase, data.SnapshotsDatabase, data.MasterKeyFile];
        foreach (var file in Directory.EnumerateFiles(data._path).Where(file => ours.Any(one => file.StartsWith(one,
            StringComparison.Ordinal)))) File.Delete(file);
        FileIdentity.SyncFolderOf(data.RecoveringMark);
        return data;
    }

    public void EndRecovery()
    {
        File.Delete(RecoveringMark);
        FileIdentity.SyncFolderOf(RecoveringMark);
    }

    static DataFolder Hold(string folder)
    {
        var path = Path.GetFullPath(folder);
        try
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return FileLock.TryTake(Path.Combine(path, LockName)) is { } held ? new(path, held)
                : throw new RefusedException($"--data {folder}: another 'vbackup up' has it: stop that one, or name another folder");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or StoreException)
        {
            throw new RefusedException($"--data {folder}: it cannot be used: {failure.Message}");
        }
    }

    /// <summary>Made at the first start. Whoever loses it loses what the databases keep under it.</summary>
    /// <exception cref="RefusedException">The file is not a key, or it is gone and was there.</exception>
    public MasterKey OpenMasterKey()
    {
        if (!File.Exists(MasterKeyFile))
        {
            if (File.Exists(BackupDatabase))
                throw new RefusedException($"{MasterKeyFile} is gone, and the projects' keys in {BackupDatabase} open with nothing else: "
                    + "bring it back from where you keep a copy");
            MakeKey(MasterKeyFile);
        }
        return ReadKey(MasterKeyFile);
    }

    /// <summary>The key that is to come in place of the master key; made by the first attempt.</summary>
    public MasterKey OpenNextMasterKey()
    {
        if (!File.Exists(NextMasterKeyFile)) MakeKey(NextMasterKeyFile);
        return ReadKey(NextMasterKeyFile);
    }

    /// <summary>From now on it is the master key. REQUIRES: nothing is kept under the one before any more.</summary>
    public void PromoteNextMasterKey()
    {
        File.Move(NextMasterKeyFile, MasterKeyFile, overwrite: true);
        FileIdentity.SyncFolderOf(MasterKeyFile);
    }

    static void MakeKey(string path)
    {
        var fresh = RandomNumberGenerator.GetBytes(MasterKey.Size);
        var part = path + ".new";
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
        File.Move(part, path);
        FileIdentity.SyncFolderOf(path);
    }

    static MasterKey ReadKey(string path)
    {
        var key = File.ReadAllBytes(path);
        try
        {
            return key.Length == MasterKey.Size ? new(key)
                : throw new RefusedException($"{path} has {key.Length} bytes and is no master key, which has {MasterKey.Size}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    public void Dispose() => _lock.Dispose();
}
