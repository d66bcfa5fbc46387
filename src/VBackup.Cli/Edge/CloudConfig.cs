using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Edge;
using VBackup.Edge.Running;

namespace VBackup.Cli.Edge;

/// <summary>Opens the cloud that a configuration file names.</summary>
static class CloudConfig
{
    const int FileSizeMax = 64 * 1024;

    static readonly Option<string> s_file = new("--cloud")
    { HelpName = "CONFIG", Required = true, Description = "A JSON file that names the cloud: where servers and volumes are." };

    static readonly Option<string> s_fileIfAny = new("--cloud") { HelpName = "CONFIG", Description = s_file.Description };

    public static void AddOption(Command command) => command.Add(s_file);

    /// <summary>For commands that can do without a cloud.</summary>
    public static void AddOptionIfAny(Command command) => command.Add(s_fileIfAny);

    public static string Read(ParseResult parsed) => parsed.GetRequiredValue(s_file);

    public static string? ReadIfAny(ParseResult parsed) => parsed.GetValue(s_fileIfAny);

    /// <param name="report">Told when the storage does not answer; null where nobody listens.</param>
    /// <exception cref="RefusedException">The file says nothing that makes a cloud.</exception>
    public static async Task<EdgeCloud> OpenAsync(string path, IRunReport? report, CancellationToken cancellation)
    {
        var document = await ReadAsync(path, cancellation).ConfigureAwait(false);
        return document.Open(path, report);
    }

    static async Task<CloudDocument> ReadAsync(string path, CancellationToken cancellation)
    {
        var file = await InputStream.OpenAsync(
            path, "the cloud's configuration", FileSizeMax, "a cloud's configuration is short", cancellation).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
            return await CloudDocument.ReadAsync(file, path, cancellation).ConfigureAwait(false);
    }
}
