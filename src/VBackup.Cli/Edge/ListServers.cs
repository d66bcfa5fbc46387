using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup server list</c></summary>
static class ListServers
{
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
            foreach (var server in await cloud.Hypervisor.ListAsync(stop).ConfigureAwait(false))
            {
                List<ServerDiskEvent> disks = [];
                foreach (var disk in server.Disks)
                {
                    var (size, note) = await LookAsync(cloud.Storage, disk.Volume, stop).ConfigureAwait(false);
                    disks.Add(new(disk.Name, disk.Volume.Value, size.LengthBytes,
                        note is null ? null : new UnfinishedRestoreEvent(note.Point, note.Since, note.SafetySnapshot)));
                    table.Add(server.Name, ServerStateName.Of(server.State), disk.Name, disk.Volume.Value, size.Word,
                        note is null ? "" : $"half restored from {Vault.PointView.ShortId(note.Point)} since {Units.Time(note.Since)}");
                }
                if (disks.Count == 0) table.Add(server.Name, ServerStateName.Of(server.State), "", "", "", "");
                screen.Event(new ServerEvent(server.Name, server.Id, ServerStateName.Of(server.State), disks),
                    EventJson.Default.ServerEvent);
            }
            screen.Table(table);
        }
        return ExitStatus.Done;
    }

    // A disk in a pool that is not to be used is no reason to show none of the others.
    static async Task<((long? LengthBytes, string Word) Size, RestoreNote? Note)> LookAsync(
        IVolumeStorage storage, VolumeId volume, CancellationToken stop)
    {
        try
        {
            var length = await storage.FindLengthAsync(volume, stop).ConfigureAwait(false);
            return ((length, length is { } bytes ? Units.Size(bytes) : "not there"),
                await storage.FindRestoreNoteAsync(volume, stop).ConfigureAwait(false));
        }
        catch (CloudException refused) when (refused.Failure == CloudFailure.NotAllowed)
        {
            return ((null, "not allowed"), null);
        }
    }
}
