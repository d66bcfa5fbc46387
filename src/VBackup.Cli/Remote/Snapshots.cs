using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup snapshot</c></summary>
static class Snapshots
{
    static readonly Argument<string> s_snapshot = new("SNAPSHOT") { Description = "A snapshot's name or id, or the start of the id." };
    static readonly Option<string> s_server = new("--server") { HelpName = "SERVER", Description = "Only those of this server." };
    static readonly Option<string> s_name = new("--name") { HelpName = "NAME", Required = true,
        Description = "5 to 50 letters, digits, '_' and '-'." };
    static readonly Option<string[]> s_volumes =
        new("--volume") { HelpName = "NAME", Description = "Only this one of the volumes; may be repeated. All, if not said." };
    static readonly Option<int?> s_keptDays = new("--kept-days")
        { HelpName = "N", Description = "When it goes by itself; never, if not said." };

    public static Command Define() => new("snapshot", "Take snapshots of servers where they are, and go back to them.")
    {
        PortalCall.Define("create", "Take a snapshot of a server.", CreateAsync, BackUpNow.Server, s_name, s_volumes, s_keptDays,
            BackUpNow.Wait),
        PortalCall.Define("list", "List the project's snapshots, whatever they are for, latest first.", ListAsync, s_server),
        PortalCall.Define("rollback", "Make the volumes of a server that is shut down what they were, after a safety snapshot.",
            RollBackAsync, s_snapshot, s_volumes, BackUpNow.Wait),
        PortalCall.Define("delete", "Delete a snapshot that no backup needs.", DeleteAsync, s_snapshot),
        Orphans.DefineList(),
        Orphans.DefineSurvey(),
    };

    static async Task CreateAsync(PortalCall call)
    {
        var server = (await Choice.ServerAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false)).Value;
        var made = await call.Portal.CreateAsync("snapshots",
            new(new(server.Region, server.Id), call.Parsed.GetRequiredValue(s_name), VolumesOf(call), call.Get(s_keptDays)),
            RemoteJson.Default.SnapshotBody, RemoteJson.Default.SnapshotView, call.Stop).ConfigureAwait(false);
        if (call.Get(BackUpNow.Wait))
        {
            await SnapshotFollowing.TakenAsync(call, made.Value.Id, $"{server.Region}/{server.Name}").ConfigureAwait(false);
            return;
        }
        call.Screen.Event("completed", made.Json);
        call.Screen.Line($"snapshot '{made.Value.Name}' of {server.Region}/{server.Name} is being taken; "
            + "'vbackup snapshot list' shows when it is ready");
    }

    static async Task ListAsync(PortalCall call)
    {
        var query = await ListFilter.OfAsync(call, s_server).ConfigureAwait(false);
        var names = await ServerNamesAsync(call).ConfigureAwait(false);
        var table = new TextTable("SNAPSHOT", "NAME", "SERVER", "FOR", "STATE", "TAKEN", "KEPT UNTIL", "VOLUMES");
        await foreach (var snapshot in call.Portal.ListAsync($"snapshots{query}", RemoteJson.Default.SnapshotView, call.Stop)
            .ConfigureAwait(false))
        {
            call.Screen.Event("snapshot", snapshot.Json);
            var one = snapshot.Value;
            table.Add(ShortId.Of(one.Id), one.Name, ServerLabel(one, names), one.Purpose, StateOf(one), LocalTime.TextOrDash(one.TakenAt),
                LocalTime.TextOrDash(one.KeptUntil), string.Join(", ", one.Disks.Select(disk => disk.Name)));
        }
        call.Show(table, "such snapshots");
    }

    static async Task RollBackAsync(PortalCall call)
    {
        var before = await Choice.SnapshotAsync(call, call.Get(s_snapshot)).ConfigureAwait(false);
        var snapshot = before.Value;
        var told = await call.Portal.SendAsync($"snapshots/{snapshot.Id}/rollback", new(VolumesOf(call)), RemoteJson.Default.RollBackBody,
            RemoteJson.Default.SnapshotView, call.Stop).ConfigureAwait(false);
        var server = await ServerLabelAsync(call, snapshot).ConfigureAwait(false);
        if (call.Get(BackUpNow.Wait))
        {
            await SnapshotFollowing.RolledBackAsync(call, before, server).ConfigureAwait(false);
            return;
        }
        call.Screen.Event("completed", told.Json);
        call.Screen.Line($"{server} is being made what it was at snapshot '{snapshot.Name}', after a safety snapshot of what it is; "
            + "'vbackup snapshot list' shows how far it is");
    }

    static async Task DeleteAsync(PortalCall call)
    {
        var snapshot = (await Choice.SnapshotAsync(call, call.Get(s_snapshot)).ConfigureAwait(false)).Value;
        var told = await call.Portal.DeleteAsync($"snapshots/{snapshot.Id}", RemoteJson.Default.SnapshotView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", told.Json);
        call.Screen.Line($"snapshot '{snapshot.Name}' of {await ServerLabelAsync(call, snapshot).ConfigureAwait(false)} is being deleted");
    }

    static string[]? VolumesOf(PortalCall call) => call.Get(s_volumes) is { Length: > 0 } chosen ? chosen : null;

    static string StateOf(SnapshotView snapshot)
    {
        var state = snapshot.IsRollingBack ? "rolling back" : snapshot.State;
        return snapshot.Error is { } error ? $"{state}: {error}" : state;
    }

    static async Task<string> ServerLabelAsync(PortalCall call, SnapshotView snapshot) =>
        ServerLabel(snapshot, await ServerNamesAsync(call).ConfigureAwait(false));

    static string ServerLabel(SnapshotView snapshot, Dictionary<ServerName, string> names) =>
        $"{snapshot.Server.Region}/{names.GetValueOrDefault(snapshot.Server, snapshot.Server.Id)}";

    /// <summary>For people: a snapshot knows its server by the id. Ids stand in where the caller may not list servers.</summary>
    static async Task<Dictionary<ServerName, string>> ServerNamesAsync(PortalCall call)
    {
        Dictionary<ServerName, string> names = [];
        if (call.Screen.IsJson) return names;
        try
        {
            await foreach (var server in call.Portal.ListAsync("servers", RemoteJson.Default.ServerView, call.Stop).ConfigureAwait(false))
                names[new(server.Value.Region, server.Value.Id)] = server.Value.Name;
        }
        catch (PortalRefusalException refusal) when (refusal.Code == "permission-needed")
        {
            // Then their ids are shown.
        }
        return names;
    }
}
