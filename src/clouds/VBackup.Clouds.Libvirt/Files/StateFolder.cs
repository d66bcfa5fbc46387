using System.Security.Cryptography;
using System.Text;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>
/// The folder of new volumes, and in it <c>.vbackup</c>, which holds what is kept beside them: locks, the scratch files and
/// sockets of backups that are under way, copies of volumes of servers that are shut down.
/// </summary>
internal sealed class StateFolder
{
    private const string Name = ".vbackup";

    private readonly string _path;

    /// <exception cref="IOException">The folder of volumes does not exist, or nothing can be made in it.</exception>
    public StateFolder(string volumeFolder)
    {
        VolumeFolder = Path.GetFullPath(volumeFolder);
        _path = Path.Combine(VolumeFolder, Name);
        if (!Directory.Exists(VolumeFolder)) throw new DirectoryNotFoundException($"there is no folder {VolumeFolder}");
        foreach (var folder in (string[])[_path, Locks, Jobs, Copies]) Directory.CreateDirectory(folder);
    }

    public string VolumeFolder { get; }

    public string Copies => Path.Combine(_path, "copies");

    private string Locks => Path.Combine(_path, "locks");

    private string Jobs => Path.Combine(_path, "jobs");

    /// <summary>Whoever holds it is the only one who takes or removes copies.</summary>
    public string CopiesLock => Path.Combine(Locks, "copies");

    /// <summary>Whoever holds it is the only one who backs the server up.</summary>
    public string JobLock(string serverId) => Path.Combine(Locks, "job-" + serverId);

    /// <summary>Whoever holds it is the only one who writes the volume.</summary>
    public string WriterLock(VolumeId volume) => Path.Combine(Locks, "writer-" + KeyOf(volume));

    /// <summary>Tells which process has the volume open for the writer.</summary>
    public string WriterProcess(VolumeId volume) => Path.Combine(Locks, "process-" + KeyOf(volume));

    /// <summary>Tells who has made the volume, or last taken it over.</summary>
    public string Claim(VolumeId volume) => Path.Combine(Locks, "claim-" + KeyOf(volume));

    /// <summary>Whoever holds it is the only one who takes the volume over.</summary>
    public string TakingOver(VolumeId volume) => Path.Combine(Locks, "taking-over-" + KeyOf(volume));

    /// <summary>Tells of a restore in place that writes to the volume, or did and never ended.</summary>
    public string RestoreNote(VolumeId volume) => Path.Combine(Locks, "restoring-" + KeyOf(volume));

    /// <summary>All that is kept of a volume here, in the order in which it is removed: without the locks others may begin to make
    /// one of that name.</summary>
    public string[] FilesOf(VolumeId volume) =>
        [WriterProcess(volume), Claim(volume), RestoreNote(volume), WriterLock(volume), TakingOver(volume)];

    /// <summary>What a server's backup needs while it is under way.</summary>
    public string JobFolder(string serverId) => Path.Combine(Jobs, serverId);

    /// <summary>An empty one, in which QEMU may make its socket and scratch files.</summary>
    public string MakeJobFolder(string serverId)
    {
        RemoveJobFolder(serverId);
        var folder = JobFolder(serverId);
        Directory.CreateDirectory(folder);
        // QEMU's group, where the administrator has given the folder above to it; nobody else gets at guests' bytes.
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder)
            & ~(UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute)
            | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute);
        return folder;
    }

    public void RemoveJobFolder(string serverId)
    {
        if (Directory.Exists(JobFolder(serverId))) Directory.Delete(JobFolder(serverId), recursive: true);
    }

    // A path holds slashes and may be longer than a name.
    private static string KeyOf(VolumeId volume) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(FileIdentity.RealPath(volume.Value))).AsSpan(0, 16));
}
