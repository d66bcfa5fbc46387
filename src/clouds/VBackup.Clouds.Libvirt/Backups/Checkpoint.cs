using System.Globalization;
using System.Xml.Linq;
using VBackup.Clouds.Libvirt.Domains;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>A checkpoint that we made: from it on, QEMU marks in a bitmap of each disk's image what is written.</summary>
/// <param name="Disks">The disks that have such a bitmap, by the server's names of them.</param>
internal sealed record Checkpoint(string Name, DateTimeOffset TakenAt, IReadOnlyList<string> Disks)
{
    // Checkpoints of other programs are theirs to remove, and to build on.
    private const string Mark = "vBackup ";

    /// <param name="others">The server's other disks.</param>
    public string ToXml(IEnumerable<string> others) => new XElement("domaincheckpoint",
        new XElement("name", Name),
        new XElement("description", string.Create(CultureInfo.InvariantCulture, $"{Mark}{TakenAt.ToUnixTimeMilliseconds()}")),
        new XElement("disks",
            Disks.Select(disk => new XElement("disk",
                new XAttribute("name", disk), new XAttribute("checkpoint", "bitmap"), new XAttribute("bitmap", Name))),
            others.Select(disk => new XElement("disk", new XAttribute("name", disk), new XAttribute("checkpoint", "no")))))
        .ToString(SaveOptions.DisableFormatting);

    /// <summary>Null when it is not one of ours.</summary>
    public static Checkpoint? Parse(string xml, string server)
    {
        var checkpoint = DomainXml.Parse(xml, server, "domaincheckpoint");
        if ((string?)checkpoint.Element("name") is not { } name
            || (string?)checkpoint.Element("description") is not { } description || !description.StartsWith(Mark, StringComparison.Ordinal)
            || !long.TryParse(description.AsSpan(Mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var since)) return null;
        return new(name, DateTimeOffset.FromUnixTimeMilliseconds(since),
            [.. checkpoint.Elements("disks").Elements("disk").Where(disk => (string?)disk.Attribute("checkpoint") == "bitmap")
                .Select(disk => (string?)disk.Attribute("name")).OfType<string>()]);
    }
}
