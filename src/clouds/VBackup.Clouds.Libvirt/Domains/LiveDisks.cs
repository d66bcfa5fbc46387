using System.Xml.Linq;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Disks that a running server was given until its next start only. They are in its restore points, so they are in the
/// configuration that is kept with those.</summary>
internal static class LiveDisks
{
    // Where libvirt has put it in the running machine, and what it knows of its images, is no part of what was asked for.
    private static readonly string[] s_ofTheRunningMachine = ["alias", "address", "backingStore", "mirror", "privateData"];

    /// <returns>Whether there were any.</returns>
    public static bool AddTo(XElement saved, XElement live)
    {
        var known = DomainDisks.All(saved).Select(DomainDisks.NameOf).ToHashSet();
        List<XElement> added = [.. DomainDisks.All(live)
            .Where(disk => DomainDisks.IsWritableKind(disk) && DomainDisks.NameOf(disk) is { } name && !known.Contains(name))
            .Select(disk => new XElement(disk))];
        if (added.Count == 0 || saved.Element("devices") is not { } devices) return false;
        added.SelectMany(disk => disk.Elements()).Where(part => s_ofTheRunningMachine.Contains(part.Name.LocalName)).Remove();
        devices.Add(added);
        return true;
    }
}
