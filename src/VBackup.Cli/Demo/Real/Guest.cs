using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>What a guest found on its disks when it was started, and where its journal goes on.</summary>
sealed record JournalStart(long FoundOnA, long FoundOnB, string Verdict, long WritesFrom);

/// <summary>A server of the lab, seen from inside.</summary>
sealed partial class Guest(Lab lab, string server, CancellationToken cancellation)
{
    static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90), s_commandLimit = TimeSpan.FromSeconds(120);

    /// <summary>Waits until its journal is written.</summary>
    public Task<JournalStart> StartedAsync() => Patience.UntilAsync(s_startLimit, $"{server} writes its journal", async () =>
    {
        var console = await lab.ConsoleAsync(server).ConfigureAwait(false);
        if (console.Split('\n').FirstOrDefault(line => line.StartsWith("lab: ", StringComparison.Ordinal)) is { } complaint)
            throw new RefusedException($"the demo failed: {server} says '{complaint.Trim()}'");
        return Found().Match(console) is { Success: true } found && Writing().Match(console) is { Success: true } writing
            ? new JournalStart(Number(found, "a"), Number(found, "b"), found.Groups["verdict"].Value, Number(writing, "from")) : null;
    }, cancellation);

    /// <summary>Writes noise to a new file on each of its disks, and has it on the disks when this returns.</summary>
    public async Task WriteAsync(string file, int mebibytes)
    {
        var script = string.Create(CultureInfo.InvariantCulture,
            $"for disk in /a /b; do dd if=/dev/urandom of=$disk/{file} bs=1M count={mebibytes} conv=fsync || exit 1; done");
        JsonArray arguments = ["-c", script];
        var started = await AskAgentAsync(new()
        {
            ["execute"] = "guest-exec",
            ["arguments"] = new JsonObject { ["path"] = "/bin/sh", ["arg"] = arguments, ["capture-output"] = true },
        }).ConfigureAwait(false);
        var process = started.GetProperty("pid").GetInt32();
        var ended = await Patience.UntilAsync(s_commandLimit, $"{server} writes {mebibytes} MiB", async () =>
        {
            var state = await AskAgentAsync(new()
            { ["execute"] = "guest-exec-status", ["arguments"] = new JsonObject { ["pid"] = process } }).ConfigureAwait(false);
            return state.GetProperty("exited").GetBoolean() ? new Outcome(state) : null;
        }, cancellation).ConfigureAwait(false);
        if (ended.Status != 0) throw new RefusedException($"the demo failed: in {server}: {ended.Errors}");
    }

    async Task<JsonElement> AskAgentAsync(JsonObject command)
    {
        var answer = await ExternalProgram.RunAsync(ExternalProgram.Find("virsh", "libvirt-clients"),
            ["-q", "-c", lab.LibvirtUri, "qemu-agent-command", server, command.ToJsonString()], cancellation).ConfigureAwait(false);
        using var document = JsonDocument.Parse(answer);
        return document.RootElement.GetProperty("return").Clone();
    }

    static long Number(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"journal: found A=(?<a>\d+) B=(?<b>\d+) (?<verdict>[A-Z-]+)")]
    private static partial Regex Found();

    [GeneratedRegex(@"journal: writing from (?<from>\d+)")]
    private static partial Regex Writing();

    sealed class Outcome(JsonElement state)
    {
        public int Status { get; } = state.GetProperty("exitcode").GetInt32();

        public string Errors { get; } =
            state.TryGetProperty("err-data", out var text) ? Encoding.UTF8.GetString(Convert.FromBase64String(text.GetString()!)).Trim()
                : "";
    }
}
