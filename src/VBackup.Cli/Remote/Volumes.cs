using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>The volumes of a server: what snapshots keep of them on the storage, and how they are given free for deletion.</summary>
static class Volumes
{
    static readonly Option<string[]> s_volumes =
        new("--volume") { HelpName = "NAME", Description = "Only this one of the volumes; may be repeated. All, if not said." };
    static readonly Option<bool> s_removesSnapshots =
        new("--remove-snapshots") { Description = "Also snapshots that users took, and those that restores can be taken back to." };

    public static Command DefineShow() => PortalCall.Define("volumes", "Show a server's volumes, and what snapshots keep of them.",
        ShowAsync, BackUpNow.Server);

    public static Command DefineFree() => PortalCall.Define("free",
        "Give a server's volumes free for deletion: what backups keep of them on the storage goes.", FreeAsync,
        BackUpNow.Server, s_volumes, s_removesSnapshots);

    static async Task ShowAsync(PortalCall call)
    {
        var server = (await Choice.ServerAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false)).Value;
        var told = await call.Portal.GetAsync($"{Servers.PathOf(server)}/volumes", RemoteJson.Default.UsagesView, call.Stop)
            .ConfigureAwait(false);
        var table = new TextTable("VOLUME", "ON THE STORAGE", ">SIZE", ">USED", "FREE", "SNAPSHOTS");
        foreach (var volume in told.Value.Items)
        {
            var one = call.Portal.Read(volume, RemoteJson.Default.UsageView);
            call.Screen.Event("volume", volume);
            table.Add(one.Name, one.Volume, SizeOf(one.LengthBytes), SizeOf(one.UsedBytes), one.IsFree ? "yes" : "no",
                string.Join(", ", one.Snapshots.Select(snapshot => snapshot.Name)));
        }
        call.Show(table, "volumes");
    }

    static async Task FreeAsync(PortalCall call)
    {
        var server = (await Choice.ServerAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false)).Value;
        var volumes = call.Get(s_volumes) is { Length: > 0 } chosen ? chosen : null;
        var told = await call.Portal.SendAsync($"{Servers.PathOf(server)}/free", new(volumes, call.Get(s_removesSnapshots) ? true : null),
            RemoteJson.Default.FreeBody, RemoteJson.Default.FreedView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", told.Json);
        foreach (var note in told.Value.Notes) call.Screen.Note(note);
        var what = volumes is null ? "the volumes" : string.Join(", ", volumes);
        call.Screen.Line(told.Value.Removed.Count == 0 ? $"no snapshot keeps {what} of {server.Region}/{server.Name}: they are free"
            : $"{what} of {server.Region}/{server.Name} are being given free; these snapshots go: "
                + $"{string.Join(", ", told.Value.Removed.Select(one => one.Name))}; the next backup is full");
    }

    static string SizeOf(long? bytes) => bytes is { } known ? Units.Size(known) : "-";
}
