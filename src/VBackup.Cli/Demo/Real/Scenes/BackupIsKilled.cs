using System.Text.Json;
using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;
using VBackup.Edge.Backups;

namespace VBackup.Cli.Demo.Real.Scenes;

/// <summary>SIGKILL in the middle of a backup's export, and while it holds the guest: the guest is let go, the next backup works.</summary>
static class BackupIsKilled
{
    /// <summary>Bytes a second at which a backup of this demo lasts some seconds.</summary>
    public const string SlowRate = "3MiB";

    const int NewMebibytes = 8;
    static readonly TimeSpan s_watchdogLimit = TimeSpan.FromSeconds(60), s_frozenLookDelay = TimeSpan.FromMilliseconds(10);

    public static bool IsExporting(JsonElement said) =>
        said.GetProperty("event").GetString() == "progress" && said.GetProperty("doneBytes").GetInt64() > 0;

    public static async Task PlayAsync(Stage stage)
    {
        await stage.GuestOf(stage.Server).WriteAsync("data-killed", NewMebibytes).ConfigureAwait(false);
        await stage.Report.TimeAsync("backup killed in mid-export", async () =>
        {
            await KillAsync(stage, IsExporting, "--limit-rate", SlowRate).ConfigureAwait(false);
            return new(await ReleaseOrphansAsync(stage, expected: 1).ConfigureAwait(false));
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("the backup after it", () => stage.BackUpAsync("incremental")).ConfigureAwait(false);

        await stage.Report.TimeAsync("backup killed, guest frozen", async () =>
        {
            var said = await KillAsync(stage, IsHolding, "--verbose").ConfigureAwait(false);
            if (said.Any(item => NoteOf(item) is { } note && note.StartsWith(InstantTaking.LetGoNote, StringComparison.Ordinal)))
                throw Stage.Broken("the kill came when the guest was let go already");
            stage.ThawedAfterKill = await Patience.UntilAsync(Stage.HoldLimit, "the guest is let go",
                async () => !await stage.Cloud.Hypervisor.IsFrozenAsync(stage.Server, stage.Cancellation).ConfigureAwait(false),
                stage.Cancellation, s_frozenLookDelay).ConfigureAwait(false);
            // It looks on for a while, and would take the next backup's freeze for the dead one's.
            await Patience.UntilAsync(s_watchdogLimit, "the watchdog ends", () => Task.FromResult(!HasWatchdog(stage.Server)),
                stage.Cancellation)
                .ConfigureAwait(false);
            var orphans = await ReleaseOrphansAsync(stage, expected: null).ConfigureAwait(false);
            return new($"guest let go after {(long)stage.ThawedAfterKill.TotalMilliseconds} ms; {orphans}");
        }).ConfigureAwait(false);
        await stage.Report.TimeAsync("the backup after that", () => stage.BackUpAsync("incremental")).ConfigureAwait(false);
    }

    static bool IsHolding(JsonElement said) => NoteOf(said) == InstantTaking.HeldNote;

    static string? NoteOf(JsonElement said) => said.GetProperty("event").GetString() == "note" ? said.GetProperty("message").GetString()
        : null;

    static async Task<IReadOnlyList<JsonElement>> KillAsync(Stage stage, Func<JsonElement, bool> isMoment, params string[] options)
    {
        var backup = stage.StartBackup((program, item) =>
        {
            if (isMoment(item)) program.Kill();
        }, options);
        await using (backup.ConfigureAwait(false))
        {
            var said = await backup.EndAsync(stage.Cancellation).ConfigureAwait(false);
            if (!said.Any(isMoment) || said[^1].GetProperty("event").GetString() is "completed" or "failed")
                throw Stage.Broken($"the backup was not killed in time: {said[^1]}");
            return said;
        }
    }

    static async Task<string> ReleaseOrphansAsync(Stage stage, int? expected)
    {
        var orphans = await stage.SnapshotsAsync("orphans").ConfigureAwait(false);
        if (expected is { } number && orphans.Length != number)
            throw Stage.Broken($"{number} orphan snapshot was to be found, and there are {orphans.Length}");
        foreach (var orphan in orphans) await stage.ReleaseAsync(orphan).ConfigureAwait(false);
        return orphans.Length == 0 ? "no snapshot left behind" : $"{Units.Count(orphans.Length, "orphan snapshot")} found and released";
    }

    /// <summary>Whether a watchdog of a server's guest runs on this machine.</summary>
    static bool HasWatchdog(string server)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out _)) continue;
            try
            {
                var words = File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0');
                if (words.Contains(Clouds.Libvirt.Freezing.FreezeWatchdog.Verb) && words.Contains(server)) return true;
            }
            catch (IOException)
            {
                // It ended between the list and the look at it: it is no watchdog that runs.
            }
        }
        return false;
    }
}
