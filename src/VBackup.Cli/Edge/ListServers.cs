using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup server list</c></summary>
static class ListServers
{
    static readonly ((long? LengthBytes, string Word) Size, RestoreNote? Note) s_leftOut = ((null, "not allowed"), null);

    public static Command Define()
    {
        var command = new Command("list",
            "List the project's servers, as the Portal knows them; with --cloud, those of a cloud, with their volumes.");
        CloudConfig.AddOptionIfAny(command);
        command.SetAction((parsed, stop) => CloudConfig.ReadIfAny(parsed) is { } config
            ? HandleAsync(config, Screen.Of(parsed), stop) : Remote.PortalCall.RunAsync(parsed, Remote.Servers.ListAsync, stop));
        return command;
    }

    static async Task<int> HandleAsync(string config, Screen screen, CancellationToken stop)
    {
        var cloud = await CloudConfig.OpenAsync(config, screen, stop).ConfigureAwait(false);
        await using (cloud.ConfigureAwait(false))
        {
            var table = new TextTable("SERVER", "STATE", "DISK", "VOLUME", ">SIZE", "");
            var volumes = await ListedVolumes.BeginAsync(cloud.Storage, stop).ConfigureAwait(false);
            foreach (var server in await cloud.Hypervisor.ListAsync(stop).ConfigureAwait(false))
            {
                List<ServerDiskEvent> disks = [];
                foreach (var disk in server.Disks)
                {
                    var (size, note) = await volumes.LookAsync(storage => LookAsync(storage, disk.Volume, stop), s_leftOut)
                        .ConfigureAwait(false);
                    disks.Add(new(disk.Name, disk.Volume.Value, size.LengthBytes,
                        note is null ? null : new UnfinishedRestoreEvent(note.Point, note.Since, note.SafetySnapshot,
                            note.IsRollBack ? true : null)));
                    table.Add(server.Name, ServerStateName.Of(server.State), disk.Name, disk.Volume.Value, size.Word,
                        note is null ? "" : $"{HalfOf(note)} since {Units.Time(note.Since)}");
                }
                foreach (var disk in server.LeftOut)
                    table.Add(server.Name, ServerStateName.Of(server.State), disk.Name, "", "", $"left out: {disk.Reason}");
                if (disks.Count + server.LeftOut.Count == 0) table.Add(server.Name, ServerStateName.Of(server.State), "", "", "", "");
                screen.Event(new ServerEvent(server.Name, server.Id, ServerStateName.Of(server.State), disks, LeftOutOf(server)),
                    EventJson.Default.ServerEvent);
            }
            volumes.RequireSome();
            screen.Table(table);
        }
        return ExitStatus.Done;
    }

    static List<LeftOutDiskEvent>? LeftOutOf(Server server) =>
        server.LeftOut.Count == 0 ? null : [.. server.LeftOut.Select(disk => new LeftOutDiskEvent(disk.Name, disk.Reason))];

    static string HalfOf(RestoreNote note) =>
        note.IsRollBack ? $"half rolled back to {note.Point}" : $"half restored from {Vault.PointView.ShortId(note.Point)}";

    static async Task<((long? LengthBytes, string Word) Size, RestoreNote? Note)> LookAsync(
        IVolumeStorage storage, VolumeId volume, CancellationToken stop)
    {
        var length = await storage.FindLengthAsync(volume, stop).ConfigureAwait(false);
        return ((length, length is { } bytes ? Units.Size(bytes) : "not there"),
            await storage.FindRestoreNoteAsync(volume, stop).ConfigureAwait(false));
    }
}
