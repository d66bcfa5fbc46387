using System.Xml.Linq;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Finds a domain's disks and the volumes behind them.</summary>
internal static class DomainDisks
{
    // What libvirt says of a medium whether there is one or not.
    private static readonly string[] s_ofEmptySources = ["index", "startupPolicy"];

    /// <summary>The disks that can be backed up: RBD images, files and devices. Left out are CD-ROMs, floppies, empty
    /// ones, disks that show a snapshot, and those whose bytes are somewhere we cannot read.</summary>
    public static IReadOnlyList<ServerDisk> Of(XElement domain) =>
        [.. from disk in All(domain)
            where IsWritableKind(disk)
            let name = NameOf(disk)
            let volume = VolumeOf(disk)
            where name is not null && volume is not null
            select new ServerDisk(name, volume.Value)];

    /// <summary>The disks whose bytes are somewhere we cannot read. What a guest cannot write to is none: it holds nothing that the
    /// guest would miss.</summary>
    public static IReadOnlyList<LeftOutDisk> LeftOutOf(XElement domain) =>
        [.. from disk in All(domain)
            where IsWritableKind(disk) && disk.Element("readonly") is null
            let name = NameOf(disk)
            let reason = WhyLeftOut(disk)
            where name is not null && reason is not null
            select new LeftOutDisk(name, reason)];

    public static IEnumerable<XElement> All(XElement domain) =>
        domain.Elements("devices").Elements("disk");

    /// <summary>Whether it is a disk, not a drive with a medium that can be taken out.</summary>
    public static bool IsWritableKind(XElement disk) => (string?)disk.Attribute("device") is null or "disk" or "lun";

    /// <summary>What the server calls it, such as <c>vda</c>.</summary>
    public static string? NameOf(XElement disk) => (string?)disk.Element("target")?.Attribute("dev");

    public static bool IsRbd(XElement disk) =>
        (string?)disk.Attribute("type") == "network" && (string?)disk.Element("source")?.Attribute("protocol") == "rbd";

    private static VolumeId? VolumeOf(XElement disk)
    {
        if (disk.Element("source") is not { } source) return null;
        var place = (string?)disk.Attribute("type") switch
        {
            "network" when IsRbd(disk) && source.Element("snapshot") is null => (string?)source.Attribute("name"),
            "file" => (string?)source.Attribute("file"),
            "block" => (string?)source.Attribute("dev"),
            _ => null,
        };
        return string.IsNullOrEmpty(place) ? null : new VolumeId(place);
    }

    /// <returns>Null of one that can be read, shows a snapshot, or is empty.</returns>
    private static string? WhyLeftOut(XElement disk)
    {
        if (disk.Element("source") is not { } source
            || !source.HasElements && source.Attributes().All(given => s_ofEmptySources.Contains(given.Name.LocalName))) return null;
        return (string?)disk.Attribute("type") switch
        {
            "file" or "block" => null,
            "network" when IsRbd(disk) => null,
            "network" => $"a network disk by {(string?)source.Attribute("protocol") ?? "an unknown protocol"}: not supported",
            "volume" => "a libvirt storage pool's volume: not supported",
            "nvme" => "an NVMe device of the host: not supported",
            "vhostuser" => "a vhost-user device: not supported",
            "vhostvdpa" => "a vDPA device: not supported",
            "dir" => "a folder that is shown as a disk: not supported",
            var other => $"a disk of {(other is null ? "an unknown type" : $"the type {other}")}: not supported",
        };
    }
}
