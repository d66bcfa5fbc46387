using System.Text.RegularExpressions;
using VBackup.EndToEnd.Tests.World;
using VBackup.Vault.Stores;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

/// <summary>
/// <c>vbackup up</c> is killed while it restores, each time behind another step, and started again on what it left. Every run ends once and
/// well: what is new is whole, what is rewritten in place too, and a server that ran runs again.
/// </summary>
public sealed partial class UpKilledInRestoreTests
{
    static readonly (string When, Regex Step)[] s_stepsInPlace =
    [
        ("when the server was stopped", ServerWritten()),
        ("when the safety snapshot was there", SafetyDone()),
        ("when the first volume was to be written", Noted()),
        ("when the first volume was read back", NoteGoes()),
    ];

    static readonly (string When, Regex Step)[] s_stepsToNew =
    [
        ("before the first volume had its name", Claimed("vda")),
        ("when the first volume was made", FirstMade()),
        ("when the first volume was written", Claimed("vdb")),
        ("when the server was there", NewServerWritten()),
    ];

    [Fact]
    public async Task A_restore_in_place_killed_behind_any_step_ends_once_and_the_server_runs_on_what_was_restored()
    {
        await using var system = await KilledSystem.MakeAsync();
        var point = await BackUpAsync(system);
        foreach (var (when, step) in s_stepsInPlace)
        {
            var stands = system.StandsStillAt(step);
            var run = await OrderInPlaceAsync(system, point);
            await stands;
            await KilledAndDoneAsync(system, run, point, when);
        }
        await KilledHalfWrittenAsync(system, point);
        await KilledWhenStartedAsync(system, point);
    }

    [Fact]
    public async Task A_restore_to_a_new_server_killed_behind_any_step_ends_once_and_the_server_is_whole()
    {
        await using var system = await KilledSystem.MakeAsync();
        var point = await BackUpAsync(system);
        foreach (var (when, step) in s_stepsToNew)
        {
            var name = $"new-{system.Runs}";
            var stands = system.StandsStillAt(step);
            var run = await system.OrderAsync($"points/{point}/restores", new { target = "newServer", name });
            await stands;
            await system.KillAsync();
            await system.StartAsync();
            await system.ExpectSuccessAsync(run, when);
            system.ExpectRestored(point, name);
            await system.ExpectNothingHalfDoneAsync(when, points: 1);
            await system.ExpectGuestWritesAsync();
        }
    }

    // One volume is what it is to be, and the other is not: no state that its server ever had.
    static async Task KilledHalfWrittenAsync(KilledSystem system, string point)
    {
        var stands = system.StandsStillAt(Noted());
        var run = await OrderInPlaceAsync(system, point);
        await stands;
        // Whoever looks at the volume now has it for a moment.
        using (FileLock.Take(system.At("cloud/volumes/web-data.gate")))
        {
            system.GoOn();
            await KilledSystem.UntilAsync("the first volume is not written", () =>
                Task.FromResult(system.Holds(KilledSystem.Volumes[0], system.Points[point][0])));
            Assert.False(system.Holds(KilledSystem.Volumes[1], system.Points[point][1]));
            await system.KillAsync();
        }
        await system.StartAsync();
        await DoneAsync(system, run, point, "when one of two volumes was written");
    }

    static async Task KilledWhenStartedAsync(KilledSystem system, string point)
    {
        var stopped = system.StandsStillAt(ServerWritten());
        var run = await OrderInPlaceAsync(system, point);
        await stopped;
        var started = system.StandsStillAt(ServerWritten());
        system.GoOn();
        await started;
        await KilledAndDoneAsync(system, run, point, "when the server was started");
    }

    static async Task<string> BackUpAsync(KilledSystem system)
    {
        await system.ExpectSuccessAsync(await system.OrderBackupAsync(), "before any kill");
        await system.ExpectNothingHalfDoneAsync("before any kill", points: 1);
        await system.NoteNewestPointAsync();
        return Assert.Single(system.Points.Keys);
    }

    static Task<System.Text.Json.JsonElement> OrderInPlaceAsync(KilledSystem system, string point) =>
        system.OrderAsync($"points/{point}/restores", new { target = "original", stopsServer = true });

    static async Task KilledAndDoneAsync(KilledSystem system, System.Text.Json.JsonElement run, string point, string when)
    {
        await system.KillAsync();
        await system.StartAsync();
        await DoneAsync(system, run, point, when);
    }

    static async Task DoneAsync(KilledSystem system, System.Text.Json.JsonElement run, string point, string when)
    {
        await system.ExpectSuccessAsync(run, when);
        // The server runs and its guest was not booted yet: nothing has changed since.
        system.ExpectSame(point, KilledSystem.Volumes);
        Assert.Empty(Directory.EnumerateFiles(system.At("cloud/volumes"), "*.restoring"));
        // A safety snapshot of each restore, and what a backup could build on is given up.
        await system.ExpectNothingHalfDoneAsync(when, points: 1, kept: system.Runs - 1, hasBase: false);
        await system.BootGuestAsync();
    }

    [GeneratedRegex("""^rename\("[^"]*/servers/web\.json\.new", """)]
    private static partial Regex ServerWritten();

    [GeneratedRegex("""^rename\("[^"]*/servers/new-[^"]*\.json\.new", """)]
    private static partial Regex NewServerWritten();

    [GeneratedRegex("""^rename\("[^"]*/instants/safety-[^"]*/taking\.json", """)]
    private static partial Regex SafetyDone();

    [GeneratedRegex("""^rename\("[^"]*/volumes/web-boot\.restoring\.new", """)]
    private static partial Regex Noted();

    [GeneratedRegex("""^unlink\("[^"]*/volumes/web-boot\.restoring"\)""")]
    private static partial Regex NoteGoes();

    [GeneratedRegex("""^(?:rename|link)\("[^"]*/volumes/new-[^"]*-vda\.raw\.new", """)]
    private static partial Regex FirstMade();

    static Regex Claimed(string disk) => new($"""^rename\("[^"]*/volumes/new-[^"]*-{disk}\.claim\.new", """);
}
