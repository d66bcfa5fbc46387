using System.CommandLine;
using System.Globalization;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup point</c></summary>
static class Points
{
    public static readonly Argument<string> Point = new("POINT") { Description = "A restore point's id, or the start of it." };
    static readonly Option<string> s_server = new("--server") { HelpName = "SERVER", Description = "Only those of this server." };
    static readonly Option<string> s_state =
        new("--state") { HelpName = "STATE",
            Description = "Only those in this state, such as 'active', or 'softDeleted' for those in the bin." };

    public static Command Define() =>
        new("point", "Look at restore points, delete or protect them, bring them back from the bin, write them to files.")
    {
        PortalCall.Define("list", "List restore points, latest first.", ListAsync, s_server, s_state),
        PortalCall.Define("show", "Show all that is known of a restore point.", ShowAsync, Point),
        PortalCall.Define("explain", "Say which rules keep a point, or when and why it goes.", ExplainAsync, Point),
        PortalCall.Define("delete", "Delete a point: to the bin, where its location has one.", DeleteAsync, Point),
        Images.DefineExport(),
        PortalCall.Define("undelete", "Bring a point back from the bin, protected from rules and users.", UndeleteAsync, Point),
        PortalCall.Define("protect", "Keep a point from being deleted by rules and by users.", call => ProtectAsync(call, true), Point),
        PortalCall.Define("unprotect", "Let a point be deleted again.", call => ProtectAsync(call, false), Point),
    };

    static async Task ListAsync(PortalCall call)
    {
        var query = await ListFilter.OfAsync(call, s_server, ("state", call.Get(s_state))).ConfigureAwait(false);
        var table = new TextTable("POINT", "SERVER", "TIME", "TYPE", "BY", "STATE", ">LOGICAL", ">READ", ">STORED");
        await foreach (var point in call.Portal.ListAsync($"points{query}", RemoteJson.Default.PointView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("point", point.Json);
            var one = point.Value;
            table.Add(ShortId.Of(one.Id), ServerLabel(one), LocalTime.Text(one.TakenAt ?? one.DueAt), one.Kind, By(one), StateOf(one),
                Units.Size(one.LengthBytes), Units.Size(one.ReadBytes), Units.Size(one.StoredBytes));
        }
        call.Show(table, "such points");
    }

    static async Task ShowAsync(PortalCall call)
    {
        var point = await Choice.PointAsync(call, call.Get(Point)).ConfigureAwait(false);
        call.Screen.Event("point", point.Json);
        var (one, facts) = (point.Value, new FactSheet());
        facts.Add("point", one.Id);
        facts.Add("server", ServerLabel(one));
        facts.Add("state", StateOf(one));
        facts.Add("type", one.Kind);
        facts.Add("by", By(one));
        facts.Add("due", LocalTime.Text(one.DueAt));
        facts.Add("holds", one.TakenAt is { } taken
            ? $"{LocalTime.Text(taken)}{(one.Consistency is { } kind ? $", {kind} consistent" : "")}" : null);
        facts.Add("taken", InstantOf(one));
        facts.Add("server had", ConfigurationOf(one));
        facts.Add("complete", one.CompletedAt is { } completed ? LocalTime.Text(completed) : null);
        facts.Add("sizes",
            $"{Units.Size(one.LengthBytes)} logical, {Units.Size(one.ReadBytes)} read, {Units.Size(one.StoredBytes)} stored");
        facts.Add("location", (await Names.OfAsync(call).ConfigureAwait(false)).Location(one.Location));
        facts.Add("run", one.Run);
        facts.Add("in the bin until", one.PurgeAt is { } purged ? LocalTime.Text(purged) : null);
        facts.Add("protected", one.IsProtected ? "neither rules nor users delete it" : null);
        facts.Add("distrusted", one.IsDistrusted ? "change tracking was found wrong after it, so it may lack changes" : null);
        call.Screen.Line($"{facts}");
        call.Screen.Line();
        var table = new TextTable("VOLUME", "TYPE", ">LOGICAL", ">READ", ">STORED", "MADE OF");
        foreach (var volume in one.Volumes)
            table.Add(volume.Name, volume.Kind, Units.Size(volume.LengthBytes), Units.Size(volume.ReadBytes),
                Units.Size(volume.StoredBytes), one.Configuration?.Disks.FirstOrDefault(disk => disk.Name == volume.Name)?.Volume ?? "-");
        call.Screen.Table(table);
    }

    static async Task ExplainAsync(PortalCall call)
    {
        var point = (await Choice.PointAsync(call, call.Get(Point)).ConfigureAwait(false)).Value;
        var explained = await call.Portal.GetAsync($"points/{point.Id}/explain", RemoteJson.Default.ExplanationView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("explanation", explained.Json);
        var (one, facts) = (explained.Value, new FactSheet());
        facts.Add("point", $"{point.Id} of {ServerLabel(point)}");
        foreach (var keep in one.Keeps) facts.Add("kept by", keep.Text);
        if (one.Goes is { } goes)
        {
            facts.Add("goes", LocalTime.Text(goes.At));
            foreach (var reason in goes.Because) facts.Add("because", reason);
        }
        facts.Add("locked until", one.LockedUntil is { } locked ? LocalTime.Text(locked) : null);
        facts.Add("leaves the bin", one.PurgeAt is { } purged ? LocalTime.Text(purged) : null);
        if (one.Keeps.Count == 0 && one.Goes is null) facts.Add("state", StateOf(point));
        call.Screen.Line($"{facts}");
    }

    static async Task DeleteAsync(PortalCall call)
    {
        var point = (await Choice.PointAsync(call, call.Get(Point)).ConfigureAwait(false)).Value;
        var deleted = await call.Portal.DeleteAsync($"points/{point.Id}", RemoteJson.Default.PointView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", deleted.Json);
        call.Screen.Line($"point {point.Id} of {ServerLabel(point)} is being deleted");
    }

    static async Task UndeleteAsync(PortalCall call)
    {
        var point = (await Choice.PointAsync(call, call.Get(Point)).ConfigureAwait(false)).Value;
        var back = await call.Portal.PostAsync($"points/{point.Id}/undelete", version: null, RemoteJson.Default.PointView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", back.Json);
        call.Screen.Line($"point {point.Id} of {ServerLabel(point)} is being brought back, and is protected: unprotect it to give it back "
            + "to the rules");
    }

    static async Task ProtectAsync(PortalCall call, bool isProtected)
    {
        var point = (await Choice.PointAsync(call, call.Get(Point)).ConfigureAwait(false)).Value;
        var told = await call.Portal.PostAsync($"points/{point.Id}/{(isProtected ? "protect" : "unprotect")}", version: null,
            RemoteJson.Default.PointView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", told.Json);
        call.Screen.Line($"point {point.Id} of {ServerLabel(point)} is {(isProtected ? "protected" : "not protected any more")}");
    }

    static string? InstantOf(PointView point)
    {
        var how = point.InstantKind switch
        {
            null => null,
            "single" => "one volume",
            "group" => "all volumes at once",
            "frozen" => "one volume after another",
            var other => other,
        };
        // A bound is never rounded down.
        return how is null || point.SkewSeconds is not > 0 ? how
            : string.Create(CultureInfo.InvariantCulture, $"{how}, at most {Math.Ceiling(point.SkewSeconds.Value * 1000):0} ms apart");
    }

    static string? ConfigurationOf(PointView point)
    {
        if (point.Configuration is not { } had) return null;
        List<string> parts = [];
        if (had.Processors is { } processors) parts.Add(Units.Count(processors, "processor"));
        if (had.MemoryBytes is { } memory) parts.Add($"{Units.Size(memory)} memory");
        parts.Add(Units.Count(had.Disks.Count, "disk"));
        return $"{string.Join(", ", parts)}; all of it is kept as {had.Kind}";
    }

    static string ServerLabel(PointView point) => $"{point.Server.Region}/{point.ServerName}";

    static string By(PointView point) => point.Tags.Count == 0 ? point.Trigger : string.Join(", ", point.Tags);

    static string StateOf(PointView point) => point.State == "softDeleted" ? "in the bin" : point.State;
}
