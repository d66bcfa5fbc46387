using System.Xml.Linq;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>A disk that is a file or a device.</summary>
/// <param name="Disk">What the server calls it, such as <c>vda</c>.</param>
/// <param name="Format">As libvirt is told, such as <c>raw</c>; nothing is found out by looking.</param>
internal sealed record DomainFile(string Disk, string Path, string Format);

/// <summary>A server and those of its disks that are files or devices.</summary>
/// <param name="IsActive">Whether a QEMU has them open: it runs, or is paused.</param>
/// <param name="Others">The names of its other disks and drives.</param>
internal sealed record DomainFiles(
    string Name, string Id, bool IsActive, IReadOnlyList<DomainFile> Files, IReadOnlyList<string> Others)
{
    public static DomainFiles Of(string name, string id, bool isActive, XElement domain)
    {
        List<DomainFile> files = [];
        List<string> others = [];
        foreach (var disk in DomainDisks.All(domain))
        {
            if (DomainDisks.NameOf(disk) is not { } target) continue;
            var source = disk.Element("source");
            var path = (string?)disk.Attribute("type") switch
            {
                "file" => (string?)source?.Attribute("file"),
                "block" => (string?)source?.Attribute("dev"),
                _ => null,
            };
            if (string.IsNullOrEmpty(path) || !DomainDisks.IsWritableKind(disk)) others.Add(target);
            else files.Add(new(target, path, (string?)disk.Element("driver")?.Attribute("type") ?? "raw"));
        }
        return new(name, id, isActive, files, others);
    }

    public DomainFile? Find(VolumeId volume) => Files.FirstOrDefault(file => file.Path == volume.Value);
}
