using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup restore POINT</c></summary>
static class RestorePoint
{
    static readonly Option<string> s_to = new("--to")
    {
        HelpName = "original | new-server | new-volume", Required = true,
        Description = "Into the server's own volumes, to a new server, or one volume to a new volume.",
    };
    static readonly Option<string> s_name = new("--name") { HelpName = "NAME", Description = "What the new server or volume is called." };
    static readonly Option<string> s_volume = new("--volume") { HelpName = "NAME", Description = "Only this one of the point's volumes." };
    static readonly Option<bool> s_stop =
        new("--stop") { Description = "To the original: stop the server first if it runs, and start it again when all is restored." };

    public static Command Define() => PortalCall.Define("restore", "Restore a point to its server, a new server, or a new volume.",
        HandleAsync,
        Points.Point, s_to, s_name, s_volume, s_stop, BackUpNow.Wait);

    static async Task HandleAsync(PortalCall call)
    {
        var order = ReadOrder(call);
        var point = (await Choice.PointAsync(call, call.Get(Points.Point)).ConfigureAwait(false)).Value;
        var started = await call.Portal.CreateAsync($"points/{point.Id}/restores", order, RemoteJson.Default.RestoreBody,
            RemoteJson.Default.StartedView, call.Stop).ConfigureAwait(false);
        await RunFollowing.StartedAsync(call, started,
            $"the restore of point {ShortId.Of(point.Id)} of {point.Server.Region}/{point.ServerName}",
            call.Get(BackUpNow.Wait)).ConfigureAwait(false);
    }

    static RestoreBody ReadOrder(PortalCall call)
    {
        var (to, name, volume, stops) = (call.Parsed.GetRequiredValue(s_to), call.Get(s_name), call.Get(s_volume), call.Get(s_stop));
        var target = to switch
        {
            "original" => "original",
            "new-server" => "newServer",
            "new-volume" => "newVolume",
            _ => throw new UsageException($"--to {to}: there are original, new-server and new-volume"),
        };
        if (target == "original" != name is null)
            throw new UsageException(name is null ? $"--to {to} needs --name NAME"
                : "--to original takes no --name: what is there keeps its name");
        if (target == "newVolume" && volume is null)
            throw new UsageException("--to new-volume needs --volume NAME: which of the point's volumes");
        if (stops && target != "original") throw new UsageException($"--stop goes with --to original: nothing is stopped for --to {to}");
        return new(target, name, volume, stops ? true : null);
    }
}
