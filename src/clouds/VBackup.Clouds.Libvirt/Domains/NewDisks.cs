using System.Globalization;
using System.Xml.Linq;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Puts a new server's volumes in the place of the saved one's.</summary>
internal static class NewDisks
{
    // Chains of images, copies in progress and the like are the old volumes' affairs.
    // How its bytes are encrypted is not: the new volume holds the same ones, and the key is named by a secret's id
    // alone.
    private static readonly string[] s_boundToOldVolume = ["source", "backingStore", "mirror", "auth", "transient"];

    /// <exception cref="CloudException">A volume is for a disk that the saved server has not, the disk that it boots
    /// from has no volume, or nothing says how to reach Ceph.</exception>
    public static void Place(XElement domain, string server, IReadOnlyDictionary<string, VolumeId> volumes, CephAccess? ceph)
    {
        var disks = DomainDisks.All(domain).Where(DomainDisks.IsWritableKind).ToList();
        var names = disks.Select(DomainDisks.NameOf).ToHashSet();
        if (volumes.Keys.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
            throw Refused(server, $"the saved server has no disk {unknown}; it has {string.Join(", ", names)}");
        if (BootDisk(domain, disks) is { } boot && !volumes.ContainsKey(boot))
            throw Refused(server, $"no volume is given for {boot}, the disk that it boots from");

        // Before any is replaced: a disk that was a file takes from it how to reach Ceph.
        var savedAccess = disks.Where(DomainDisks.IsRbd).Select(CephSource.Of).FirstOrDefault();
        foreach (var disk in disks)
        {
            if (DomainDisks.NameOf(disk) is not { } name || !volumes.TryGetValue(name, out var volume))
                disk.Remove();
            else if (volume.Value.StartsWith('/'))
                ReplaceByFile(disk, volume.Value);
            else
                ReplaceByRbd(disk, volume.Value, AccessOf(disk, server, name, savedAccess, ceph));
        }
        foreach (var drive in DomainDisks.All(domain).Where(disk => !DomainDisks.IsWritableKind(disk)).ToList())
        {
            // An empty CD-ROM drive stays, so that the guest's devices keep their places. An empty floppy drive is
            // nobody's need.
            if ((string?)drive.Attribute("device") != "cdrom") drive.Remove();
            else Empty(drive);
        }
    }

    /// <summary>The disk that firmware would boot from; null when it boots from no disk.</summary>
    private static string? BootDisk(XElement domain, List<XElement> disks)
    {
        var ordered = domain.Elements("devices").Elements()
            .Select(device => (Device: device, Order: Order(device)))
            .Where(candidate => candidate.Order is not null)
            .OrderBy(candidate => candidate.Order)
            .Select(candidate => candidate.Device).ToList();
        if (ordered.Count > 0)
            return ordered.Where(disks.Contains).Select(DomainDisks.NameOf).FirstOrDefault();

        // A kernel given from outside boots without a disk.
        var system = domain.Element("os");
        if (system?.Element("kernel") is not null) return null;
        var devices = system?.Elements("boot").Select(boot => (string?)boot.Attribute("dev")).ToList() ?? [];
        return devices.Count == 0 || devices.Contains("hd") ? disks.Select(DomainDisks.NameOf).FirstOrDefault() : null;

        static int? Order(XElement device) => int.TryParse(
            (string?)device.Element("boot")?.Attribute("order"), NumberStyles.None, CultureInfo.InvariantCulture, out var order)
                ? order : null;
    }

    /// <summary>A path that ends in <c>.qcow2</c> is such an image; every other is raw. Nothing is found out by
    /// looking: a guest could write a raw disk that looks like an image of somebody else's file.</summary>
    private static void ReplaceByFile(XElement disk, string path)
    {
        var isDevice = path.StartsWith("/dev/", StringComparison.Ordinal);
        var encryption = Detach(disk);
        disk.SetAttributeValue("type", isDevice ? "block" : "file");
        SetFormat(disk, path.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? "qcow2" : "raw");
        disk.Add(new XElement("source", new XAttribute(isDevice ? "dev" : "file", path), encryption));
    }

    private static void ReplaceByRbd(XElement disk, string image, CephSource access)
    {
        var wasRbd = DomainDisks.IsRbd(disk);
        var encryption = Detach(disk);
        disk.SetAttributeValue("type", "network");
        // Only a network disk can be one of a network; lun passes commands of SCSI through to a device.
        if ((string?)disk.Attribute("device") == "lun") disk.SetAttributeValue("device", "disk");
        SetFormat(disk, "raw");
        if (!wasRbd) disk.Elements("driver").Attributes("io").Remove();
        disk.Add(access.SourceFor(image, encryption));
        if (access.Authentication is { } authentication) disk.Add(new XElement(authentication));
    }

    private static CephSource AccessOf(XElement disk, string server, string name, CephSource? saved, CephAccess? ceph)
    {
        if (ceph is not null) return CephSource.From(ceph);
        if (DomainDisks.IsRbd(disk)) return CephSource.Of(disk);
        return saved ?? throw Refused(server, $"{name} was not on Ceph: say in the cloud's settings how servers reach it");
    }

    private static void SetFormat(XElement disk, string format)
    {
        if (disk.Element("driver") is not { } driver) disk.AddFirst(driver = new XElement("driver"));
        driver.SetAttributeValue("name", "qemu");
        driver.SetAttributeValue("type", format);
    }

    /// <returns>How the volume is encrypted, where its source says so.</returns>
    private static XElement? Detach(XElement disk)
    {
        var encryption = disk.Element("source")?.Element("encryption");
        foreach (var element in s_boundToOldVolume) disk.Elements(element).Remove();
        disk.Attributes("snapshot").Remove();
        return encryption is null ? null : new XElement(encryption);
    }

    private static void Empty(XElement drive)
    {
        _ = Detach(drive);
        drive.SetAttributeValue("type", "file");
        // The format is the medium's.
        drive.Elements("driver").Attributes("type").Remove();
    }

    private static CloudException Refused(string server, string reason) => new(CloudFailure.Other, "define", server, reason);
}

/// <summary>How a disk reaches its cluster, without which image.</summary>
/// <param name="Details">The source's parts, such as the monitors.</param>
/// <param name="Authentication">Names the user and libvirt's secret; it holds no key.</param>
internal sealed record CephSource(IReadOnlyList<XElement> Details, XElement? Authentication)
{
    public static CephSource Of(XElement disk)
    {
        var source = disk.Element("source")!;
        string[] kept = ["host", "config"];
        var authentication = source.Element("auth") ?? disk.Element("auth");
        return new(
            [.. source.Elements().Where(part => kept.Contains(part.Name.LocalName)).Select(part => new XElement(part))],
            authentication is null ? null : new XElement(authentication));
    }

    public static CephSource From(CephAccess access) => new(
        [
            .. access.Monitors.Select(Host),
            .. access.ConfigurationFile is { } file ? [new XElement("config", new XAttribute("file", file))] : Array.Empty<XElement>(),
        ],
        access.User is not { } user ? null : new XElement(
            "auth", new XAttribute("username", user), new XElement(
                "secret", new XAttribute("type", "ceph"), new XAttribute("uuid", access.SecretId ?? ""))));

    public XElement SourceFor(string image, XElement? encryption) => new(
        "source", new XAttribute("protocol", "rbd"), new XAttribute("name", image),
        Details.Select(part => new XElement(part)), encryption);

    private static XElement Host(string monitor)
    {
        var colon = monitor.LastIndexOf(':');
        var hasPort = colon > 0 && (monitor[0] != '[' || monitor[colon - 1] == ']');
        var host = new XElement("host", new XAttribute("name", (hasPort ? monitor[..colon] : monitor).Trim('[', ']')));
        if (hasPort) host.SetAttributeValue("port", monitor[(colon + 1)..]);
        return host;
    }
}
