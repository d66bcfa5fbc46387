using System.Text.RegularExpressions;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

/// <summary>
/// <c>vbackup up</c> is killed while it backs a running server up, each time behind another step, and started again on what it left. Every
/// run ends once and well, nothing half done is left, the guest goes on, and every point restores.
/// </summary>
public sealed partial class UpKilledTests
{
    /// <summary>Steps of a backup, in their order.</summary>
    static readonly (string When, Regex Step)[] s_steps =
    [
        ("when the snapshot was begun", SnapshotBegun()),
        ("when the snapshot was there", SnapshotDone()),
        ("when a pack was stored", Stored("packs")),
        ("when its index was stored", Stored("index")),
        ("when the point was stored", Stored("points")),
        ("when the snapshot of the backup before was being removed", SnapshotGoes()),
    ];

    [Fact]
    public async Task A_backup_killed_behind_any_step_ends_once_and_its_point_restores()
    {
        await using var system = await KilledSystem.MakeAsync();
        await BackUpAsync(system, "before any kill", points: 1);
        foreach (var (when, step) in s_steps)
        {
            var stands = system.StandsStillAt(step);
            var run = await system.OrderBackupAsync();
            await stands;
            await system.KillAsync();
            await system.StartAsync();
            await ExpectDoneAsync(system, run, when);
        }
        // The order was taken, and who knows what was done.
        var accepted = await system.OrderBackupAsync();
        await system.KillAsync();
        await system.StartAsync();
        await ExpectDoneAsync(system, accepted, "when the order was taken");
        await system.ExpectAllPointsRestoreAsync();
        await system.ExpectNothingHalfDoneAsync("in the end", points: s_steps.Length + 2);
    }

    [Fact]
    public async Task A_backup_killed_again_before_it_was_done_ends_once()
    {
        await using var system = await KilledSystem.MakeAsync();
        var stands = system.StandsStillAt(Stored("packs"));
        var run = await system.OrderBackupAsync();
        await stands;
        await system.KillAsync();
        // Nobody asks for anything now: what was begun is what comes to this step.
        stands = system.StandsStillAt(Stored("points"));
        await system.StartAsync();
        await stands;
        await system.KillAsync();
        await system.StartAsync();
        await ExpectDoneAsync(system, run, "killed twice");
        await system.ExpectAllPointsRestoreAsync();
    }

    [Fact]
    public async Task A_guest_whose_backup_is_killed_while_it_is_frozen_goes_on_by_itself()
    {
        await using var system = await KilledSystem.MakeAsync();
        // Whoever takes a snapshot waits for this lock, with the guest held still.
        using (var held = new FileStream(system.At("cloud/instants.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            var run = await system.OrderBackupAsync();
            await KilledSystem.UntilAsync("the guest is not frozen", system.IsGuestFrozenAsync);
            await system.KillAsync();
            await system.ExpectGuestWritesAsync();
            Assert.False(await system.IsGuestFrozenAsync());
            await held.DisposeAsync();
            await system.StartAsync();
            await ExpectDoneAsync(system, run, "while the guest was frozen");
        }
        await system.ExpectAllPointsRestoreAsync();
    }

    [Fact]
    public async Task What_a_process_that_is_told_to_end_cannot_finish_goes_on_at_the_next_start()
    {
        await using var system = await KilledSystem.MakeAsync();
        await system.KillAsync();
        await system.StartAsync(("VBACKUP__Worker__DrainSeconds", "0"), ("VBACKUP__Worker__SendMebibytesPerSecond", "1"));
        var run = await system.OrderBackupAsync();
        await KilledSystem.UntilAsync("nothing is sent", () => Task.FromResult(Directory.EnumerateFiles(
            system.At("data/location"), "*", SearchOption.AllDirectories).Any(IsOnItsWay)));
        (await system.EndAsync()).Expect(0);
        await system.ExpectGuestWritesAsync();
        await system.StartAsync();
        await ExpectDoneAsync(system, run, "told to end");
        await system.ExpectAllPointsRestoreAsync();
    }

    static bool IsOnItsWay(string file) => file.Contains("/unfinished/packs,", StringComparison.Ordinal);

    static async Task BackUpAsync(KilledSystem system, string when, int points)
    {
        await ExpectDoneAsync(system, await system.OrderBackupAsync(), when);
        Assert.Equal(points, system.Points.Count);
    }

    static async Task ExpectDoneAsync(KilledSystem system, System.Text.Json.JsonElement run, string when)
    {
        await system.ExpectSuccessAsync(run, when);
        await system.ExpectNothingHalfDoneAsync(when, points: system.Points.Count + 1);
        await system.NoteNewestPointAsync();
        await system.ExpectGuestWritesAsync();
    }

    [GeneratedRegex("""^rename\("[^"]*/instants/vb-[^"]*/taking\.json\.new", """)]
    private static partial Regex SnapshotBegun();

    [GeneratedRegex("""^rename\("[^"]*/instants/vb-[^"]*/taking\.json", """)]
    private static partial Regex SnapshotDone();

    [GeneratedRegex("""^rename\("[^"]*/instants/vb-[^"]*/instant\.json", """)]
    private static partial Regex SnapshotGoes();

    static Regex Stored(string folder) => new($"""^(?:rename|link)\("[^"]*/unfinished/[^"]*", "[^"]*/{folder}/""");
}
