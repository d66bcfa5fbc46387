using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup server list</c>, of the project.</summary>
static class Servers
{
    public static string PathOf(ServerView server) => $"servers/{Uri.EscapeDataString(server.Region)}/{Uri.EscapeDataString(server.Id)}";

    public static async Task ListAsync(PortalCall call)
    {
        var table = new TextTable("SERVER", "STATE", "PLAN", ">VOLUMES", ">SIZE", "SEEN");
        await foreach (var server in call.Portal.ListAsync("servers", RemoteJson.Default.ServerView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("server", server.Json);
            var one = server.Value;
            table.Add($"{one.Region}/{one.Name}", one.IsGone ? "gone" : one.State, one.Plan is null ? "no" : "yes", $"{one.Disks.Count}",
                Units.Size(one.Disks.Sum(disk => disk.LengthBytes ?? 0)), one.SeenAt is { } seen ? LocalTime.Text(seen) : "never");
        }
        call.Show(table, "servers");
    }
}
