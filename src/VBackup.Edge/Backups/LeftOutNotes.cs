using VBackup.Clouds.Servers;
using VBackup.Edge.Running;

namespace VBackup.Edge.Backups;

/// <summary>Says of disks that cannot be backed up that they are not: nobody is to find that out at a restore.</summary>
public static class LeftOutNotes
{
    /// <summary>For a backup of all that a server has.</summary>
    public static void NoteTo(IRunReport report, Server server)
    {
        foreach (var disk in server.LeftOut)
            report.Note($"the disk {disk.Name} of {server.Name} is left out of the backup: {disk.Reason}");
    }

    /// <summary>For a server that is defined anew. A point's configuration tells of them: so do points of earlier versions.</summary>
    public static void NoteRestoreTo(IRunReport report, IHypervisor hypervisor, EdgeDocument edge, string name)
    {
        foreach (var disk in hypervisor.LeftOutOf(new(edge.ConfigurationKind, edge.Configuration)))
            if (!edge.Volumes.ContainsKey(disk.Name))
                report.Note($"the server {name} gets no disk {disk.Name}: it was left out of the backup ({disk.Reason})");
    }

    /// <summary>For whoever is refused what he asked for; empty where nothing is left out.</summary>
    public static string Sentence(Server server) => server.LeftOut.Count == 0 ? ""
        : $"; left out: {string.Join(", ", server.LeftOut.Select(disk => $"{disk.Name} ({disk.Reason})"))}";
}
