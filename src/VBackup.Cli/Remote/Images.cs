using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup point export-image</c> and <c>vbackup volume import-image</c></summary>
static class Images
{
    static readonly Option<string> s_file = new("--file")
    { HelpName = "NAME", Required = true, Description = "The file's name in the project's folder for images." };
    static readonly Option<string> s_format = new("--format")
    { HelpName = "raw | qcow2", Description = "The file's format; by default what its name ends in, else raw." };
    static readonly Option<string> s_volume = new("--volume")
    { HelpName = "NAME", Description = "Which volume; not needed when the point has only one." };
    static readonly Option<string> s_name = new("--name") { HelpName = "NAME", Required = true,
        Description = "What the new volume is called." };

    public static Command DefineExport() => PortalCall.Define("export-image",
        "Write a volume of a point to a file in the project's folder for images, with its digest beside.",
        ExportAsync, Points.Point, s_file, s_volume, s_format, BackUpNow.Wait);

    public static Command DefineVolume() => new("volume", "Make volumes.")
    {
        PortalCall.Define("import-image", "Make a new volume, beside those of a server, of a file in the project's folder for images.",
            ImportAsync, BackUpNow.Server, s_file, s_name, s_format, BackUpNow.Wait),
    };

    static async Task ExportAsync(PortalCall call)
    {
        var order = new ExportImageBody(call.Get(s_volume), call.Parsed.GetRequiredValue(s_file), FormatOf(call));
        var point = (await Choice.PointAsync(call, call.Get(Points.Point)).ConfigureAwait(false)).Value;
        var started = await call.Portal.CreateAsync($"points/{point.Id}/export-image", order, RemoteJson.Default.ExportImageBody,
            RemoteJson.Default.StartedView, call.Stop).ConfigureAwait(false);
        await RunFollowing.StartedAsync(call, started,
            $"the export of an image of {point.Server.Region}/{point.ServerName} to {order.File}", call.Get(BackUpNow.Wait))
                .ConfigureAwait(false);
    }

    static async Task ImportAsync(PortalCall call)
    {
        var (file, name, format) = (call.Parsed.GetRequiredValue(s_file), call.Parsed.GetRequiredValue(s_name), FormatOf(call));
        var server = (await Choice.ServerAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false)).Value;
        var started = await call.Portal.CreateAsync("volumes/import-image",
            new(new(server.Region, server.Id), file, format, name), RemoteJson.Default.ImportImageBody,
            RemoteJson.Default.StartedView, call.Stop).ConfigureAwait(false);
        await RunFollowing.StartedAsync(call, started, $"the import of {file} as volume {name}", call.Get(BackUpNow.Wait))
            .ConfigureAwait(false);
    }

    static string? FormatOf(PortalCall call) => call.Get(s_format) switch
    {
        null or "raw" or "qcow2" => call.Get(s_format),
        var other => throw new UsageException($"--format {other}: there are raw and qcow2"),
    };
}
