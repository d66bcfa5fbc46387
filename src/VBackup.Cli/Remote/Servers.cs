using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup server list</c>, of the project, and <c>vbackup server give</c>, by administrators.</summary>
static class Servers
{
    static readonly Option<string> s_to = new("--to") { HelpName = "PROJECT", Required = true,
        Description = "A project's name or id." };

    public static Command DefineGive() => PortalCall.Define("give",
        "Give a server that has no plan to a project; its points stay with the project that made them. For administrators.", GiveAsync,
        BackUpNow.Server, s_to);

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

    static async Task GiveAsync(PortalCall call)
    {
        var path = await PathToGiveAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false);
        var project = await Choice.ProjectAsync(call, call.Parsed.GetRequiredValue(s_to)).ConfigureAwait(false);
        var given = await call.Portal.ReplaceAsync($"{path}/project", version: null, new(project.Value.Id), RemoteJson.Default.OwnerBody,
            RemoteJson.Default.OwnerView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", given.Json);
        call.Screen.Line($"{given.Value.Region}/{given.Value.Name} is a server of project '{project.Value.Name}' now; "
            + "points that there are stay with the project that made them");
    }

    // Of another project than the session's, an administrator sees no servers: then he says region and id.
    static async Task<string> PathToGiveAsync(PortalCall call, string text)
    {
        try
        {
            return PathOf((await Choice.ServerAsync(call, text).ConfigureAwait(false)).Value);
        }
        catch (Exception unseen) when (unseen is RefusedException or PortalRefusalException { Code: "permission-needed" }
            && Choice.IsRegionAndId(text, out var region, out var id))
        {
            return $"servers/{Uri.EscapeDataString(region)}/{Uri.EscapeDataString(id)}";
        }
    }
}
