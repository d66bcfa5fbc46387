using System.Globalization;
using System.Xml.Linq;
using VBackup.Clouds.Libvirt.Domains;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>A disk in a backup job.</summary>
/// <param name="Base">The checkpoint since which its changes are told; null when they are not.</param>
/// <param name="Bitmap">Under which name they are told.</param>
internal sealed record PullDisk(string Disk, string? Base, string? Bitmap);

/// <summary>
/// A backup job that libvirt runs: QEMU shows the disks as they were when it began, over NBD. What it is called and when it
/// began stands in the names of its exports, so that libvirt alone remembers it.
/// </summary>
internal sealed record PullJob(string Instant, DateTimeOffset TakenAt, string SocketPath, IReadOnlyList<PullDisk> Disks)
{
    private const string Mark = "vbackup";
    private const int SocketPathBytesMax = 107;

    public static string ExportOf(string instant, DateTimeOffset takenAt, string disk) =>
        string.Create(CultureInfo.InvariantCulture, $"{Mark}:{instant}:{takenAt.ToUnixTimeMilliseconds()}:{disk}");

    public string ExportOf(PullDisk disk) => ExportOf(Instant, TakenAt, disk.Disk);

    /// <summary>The job's description for libvirt.</summary>
    /// <param name="others">The server's disks that are not backed up: libvirt takes what is not named.</param>
    public string ToXml(IEnumerable<string> others, string folder)
    {
        if (SocketPath.Length > SocketPathBytesMax)
            throw new CloudException(
                CloudFailure.NotSupported, "take", SocketPath,
                    $"a socket's path has at most {SocketPathBytesMax} bytes: take a folder with a shorter path");
        var disks = Disks.Select(disk => new XElement("disk",
            new XAttribute("name", disk.Disk), new XAttribute("backup", "yes"), new XAttribute("type", "file"),
            new XAttribute("backupmode", disk.Base is null ? "full" : "incremental"),
            disk.Base is null ? null : new XAttribute("incremental", disk.Base),
            new XAttribute("exportname", ExportOf(disk)),
            disk.Base is null ? null : new XAttribute("exportbitmap", disk.Bitmap!),
            new XElement("driver", new XAttribute("type", "qcow2")),
            new XElement("scratch", new XAttribute("file", Path.Combine(folder, disk.Disk + ".scratch")))));
        return new XElement("domainbackup", new XAttribute("mode", "pull"),
            new XElement("server", new XAttribute("transport", "unix"), new XAttribute("socket", SocketPath)),
            new XElement("disks", disks, others.Select(other =>
                new XElement("disk", new XAttribute("name", other), new XAttribute("backup", "no")))))
            .ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Reads the description of a job; null when it is not one of ours.</summary>
    public static PullJob? Parse(string xml, string server)
    {
        var job = DomainXml.Parse(xml, server, "domainbackup");
        if ((string?)job.Element("server")?.Attribute("socket") is not { } socket) return null;
        (string Instant, DateTimeOffset TakenAt)? name = null;
        List<PullDisk> disks = [];
        foreach (var disk in job.Elements("disks").Elements("disk").Where(disk => (string?)disk.Attribute("backup") != "no"))
        {
            if (((string?)disk.Attribute("exportname"))?.Split(':') is not [Mark, var instant, var milliseconds, var target]
                || !long.TryParse(milliseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var since)) return null;
            name ??= (instant, DateTimeOffset.FromUnixTimeMilliseconds(since));
            disks.Add(new(target, (string?)disk.Attribute("incremental"), (string?)disk.Attribute("exportbitmap")));
        }
        return name is { } known ? new(known.Instant, known.TakenAt, socket, disks) : null;
    }
}
