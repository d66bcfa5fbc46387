using System.CommandLine;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup backup-now SERVER</c></summary>
static class BackUpNow
{
    public static readonly Argument<string> Server =
        new("SERVER") { Description = "A server's name where that is unique, or REGION/NAME." };
    public static readonly Option<bool> Wait = new("--wait") { Description = "Wait until it is done; fails if it does." };

    public static Command Define() => PortalCall.Define("backup-now",
        "Back a server up now: a full that no rule deletes. A server without a plan gets one by the defaults.", HandleAsync, Server, Wait);

    static async Task HandleAsync(PortalCall call)
    {
        var server = (await Choice.ServerAsync(call, call.Get(Server)).ConfigureAwait(false)).Value;
        var started = await call.Portal.CreateAsync($"{Servers.PathOf(server)}/backups", new(),
            RemoteJson.Default.NothingBody, RemoteJson.Default.StartedView, call.Stop).ConfigureAwait(false);
        await RunFollowing.StartedAsync(call, started, $"the backup of {server.Region}/{server.Name}", call.Get(Wait))
            .ConfigureAwait(false);
    }
}
