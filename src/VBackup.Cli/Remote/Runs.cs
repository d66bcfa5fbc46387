using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup run</c></summary>
static class Runs
{
    static readonly Argument<string> s_run = new("RUN") { Description = "A run's id, or the start of it." };
    static readonly Option<string> s_server = new("--server") { HelpName = "SERVER", Description = "Only those of this server." };
    static readonly Option<string> s_kind = new("--kind") { HelpName = "KIND",
        Description = "Only 'backup', 'restore', 'exportImage' or 'importImage'." };
    static readonly Option<string> s_policy = new("--policy")
        { HelpName = "POLICY", Description = "Only those that this policy asked for." };
    static readonly Option<string> s_state = new("--state")
        { HelpName = "STATE", Description = "Only those in this state, such as 'failed'." };

    public static Command Define() => new("run", "Look at backups, restores and images, those that are going on and those that were.")
    {
        PortalCall.Define("list", "List runs, latest first.", ListAsync, s_server, s_kind, s_policy, s_state),
        PortalCall.Define("show", "Show all that is known of a run.", ShowAsync, s_run),
        PortalCall.Define("cancel", "End a run without its result.", CancelAsync, s_run),
        PortalCall.Define("watch", "Follow a run until it is over; fails if the run does.", WatchAsync, s_run),
    };

    static async Task ListAsync(PortalCall call)
    {
        var query = await ListFilter.OfAsync(call, s_server, ("kind", call.Get(s_kind)), ("state", call.Get(s_state)),
            ("policy", await PolicyOfAsync(call).ConfigureAwait(false))).ConfigureAwait(false);
        var table = new TextTable("RUN", "KIND", "SERVER", "STATE", "BY", "BEGAN", ">TOOK", ">DONE", ">STORED");
        await foreach (var run in call.Portal.ListAsync($"runs{query}", RemoteJson.Default.RunView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("run", run.Json);
            var one = run.Value;
            table.Add(ShortId.Of(one.Id), KindOf(one), ServerLabel(one), one.State, one.Trigger, LocalTime.TextOrDash(one.StartedAt),
                Took(one),
                Done(one), Units.Size(one.StoredBytes));
        }
        call.Show(table, "such runs");
    }

    // What a policy asked for stays in the history when it is not there any more, and then only its id names it.
    static async Task<string?> PolicyOfAsync(PortalCall call) => call.Get(s_policy) is not { } text || Guid.TryParse(text, out _)
        ? call.Get(s_policy) : (await Choice.PolicyAsync(call, text).ConfigureAwait(false)).Value.Id;

    static async Task ShowAsync(PortalCall call)
    {
        var run = await Choice.RunAsync(call, call.Get(s_run)).ConfigureAwait(false);
        call.Screen.Event("run", run.Json);
        var (one, facts) = (run.Value, new FactSheet());
        facts.Add("run", one.Id);
        facts.Add("kind", KindOf(one));
        facts.Add("server", ServerLabel(one));
        facts.Add("state", one.State);
        facts.Add("waits", WaitsFor(one));
        facts.Add("by", one.Trigger);
        facts.Add("began", LocalTime.TextOrDash(one.StartedAt));
        facts.Add("ended", LocalTime.TextOrDash(one.EndedAt));
        facts.Add("done", one.TotalBytes == 0 ? null : $"{Units.Size(one.DoneBytes)} of {Units.Size(one.TotalBytes)}");
        facts.Add("checked", one.CheckedBytes == 0 ? null : $"{Units.Size(one.CheckedBytes)} read back");
        facts.Add("stored", one.Kind == "backup" ? Units.Size(one.StoredBytes) : null);
        facts.Add("point", one.Point);
        facts.Add("made", one.Target);
        facts.Add("error", one.Error);
        foreach (var note in one.Notes) facts.Add("note", note);
        call.Screen.Line($"{facts}");
    }

    static async Task CancelAsync(PortalCall call)
    {
        var run = await Choice.RunAsync(call, call.Get(s_run)).ConfigureAwait(false);
        var cancelled = await call.Portal.PostAsync($"runs/{run.Value.Id}/cancel", version: null, RemoteJson.Default.RunView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", cancelled.Json);
        call.Screen.Line($"the {KindOf(run.Value)} of {ServerLabel(run.Value)} is being cancelled; "
            + $"'vbackup run watch {run.Value.Id}' shows when it is");
    }

    static async Task WatchAsync(PortalCall call)
    {
        var run = await Choice.RunAsync(call, call.Get(s_run)).ConfigureAwait(false);
        await RunFollowing.FollowAsync(call, run.Value.Id).ConfigureAwait(false);
    }

    public static string KindOf(RunView run) => run.Kind switch
    {
        "exportImage" => "image export",
        "importImage" => "image import",
        _ => run.Kind,
    };

    /// <summary>What keeps it from going on; null when nothing does that is known.</summary>
    public static string? WaitsFor(RunView run) => run.WaitsForWorkerSince is { } since
        ? $"for a worker of region {run.Server.Region}, since {LocalTime.TextOrDash(since)}" : null;

    public static string ServerLabel(RunView run) => $"{run.Server.Region}/{run.ServerName}";

    // Nobody has told yet how much there is to do; of what is done at once, nobody ever does.
    static string Done(RunView run) => run.TotalBytes == 0 ? "-" : Units.Size(run.DoneBytes);

    public static string Took(RunView run) => run is { StartedAt: { } began, EndedAt: { } ended } ? Units.Duration(ended - began) : "-";
}
