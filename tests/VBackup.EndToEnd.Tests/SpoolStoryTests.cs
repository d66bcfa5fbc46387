using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>Backups through a spool, killed and stopped on their way.</summary>
public sealed class SpoolStoryTests
{
    // Slow enough to be killed when all is read and little is sent.
    const string Rate = "2MiB";

    static readonly byte[] s_first = Contents.Incompressible(1, 12 << 20), s_second = Contents.Mixed(2, 1_000_003);

    static async Task<EdgeWorld> MakeAsync()
    {
        var world = await EdgeWorld.OfLabCloudAsync("web-1", ("vda", s_first), ("vdb", s_second));
        Directory.CreateDirectory(world.Vault["spool"]);
        return world;
    }

    static string[] Spooled(EdgeWorld world) => ["--spool", world.Vault["spool"]];

    static string[] Waiting(EdgeWorld world) =>
        [.. Directory.EnumerateFiles(world.Vault["spool"], "*", SearchOption.AllDirectories).Where(file =>
            file.Contains("/runs/", StringComparison.Ordinal))];

    static async Task ExpectSoundAsync(EdgeWorld world, string point)
    {
        (await world.Vault.RunAsync("verify", "--all-data")).Expect(0);
        (await world.Vault.RunAsync("restore", point, "--volume", "vda", "--target", world.Vault["restored"])).Expect(0);
        Assert.Equal(await File.ReadAllBytesAsync(world.VolumePath("vda")), await File.ReadAllBytesAsync(world.Vault["restored"]));
    }

    [Fact]
    public async Task A_backup_that_is_killed_when_all_is_read_is_finished_from_the_spool_without_its_sources()
    {
        await using var world = await MakeAsync();
        await KillAsync(world, afterSeal: true);
        Assert.Contains(Waiting(world), file => file.EndsWith("/sealed", StringComparison.Ordinal));
        Assert.Empty(await world.Vault.PointsAsync());

        var resumed = (await world.UploadAsync()).Expect(0).Last;
        var point = resumed.GetProperty("point").GetString()!;
        Assert.Equal([point], await world.Vault.PointsAsync());
        Assert.Empty(Waiting(world));
        await ExpectSoundAsync(world, point);
        Assert.Empty((await world.UploadAsync()).Expect(0).Output);
        // Its snapshot is the base of what comes next.
        Assert.Equal("incremental", (await world.BackUpAsync(Spooled(world))).Expect(0).Last.GetProperty("type").GetString());
        Assert.Single(await world.SnapshotNamesAsync());
    }

    [Fact]
    public async Task A_backup_that_is_killed_earlier_is_found_again_by_the_next()
    {
        await using var world = await MakeAsync();
        await KillAsync(world, afterSeal: false);
        var next = (await world.BackUpAsync(Spooled(world))).Expect(0).Last;
        Assert.Equal([next.GetProperty("point").GetString()!], await world.Vault.PointsAsync());
        Assert.Empty(Waiting(world));
        await ExpectSoundAsync(world, next.GetProperty("point").GetString()!);
        // The killed one's snapshot is an orphan, and is shown and released as such.
        var orphan = (await world.OnVaultAsync("snapshots", "orphans", "--server", "web-1")).Expect(0).Last.GetProperty("name")
            .GetString()!;
        (await world.OnVaultAsync("snapshots", "release", orphan, "--server", "web-1")).Expect(0);
        Assert.Single(await world.SnapshotNamesAsync());
    }

    [Fact]
    public async Task A_backup_that_stands_still_keeps_its_part_of_the_spool_and_goes_on()
    {
        await using var world = await MakeAsync();
        await using var run = Start(world);
        Assert.True(await run.Process.ComesBeforeEndAsync(run.Sealed), "it ended before all was read");
        await run.Process.SignalAsync("STOP");
        Assert.Empty((await world.UploadAsync()).Expect(0).Output);
        Assert.NotEmpty(Waiting(world));
        await run.Process.SignalAsync("CONT");
        await ExpectSoundAsync(world, (await run.Process.WaitAsync()).Expect(0).Last.GetProperty("point").GetString()!);
    }

    [Theory]
    [InlineData("1MiB")]
    [InlineData("40MiB")]
    public async Task A_spool_without_room_makes_a_backup_slow_and_never_fail(string size)
    {
        await using var world = await MakeAsync();
        var backup = (await world.BackUpAsync([.. Spooled(world), "--spool-size", size])).Expect(0).Last;
        await ExpectSoundAsync(world, backup.GetProperty("point").GetString()!);
    }

    [Fact]
    public async Task A_spool_that_is_not_mounted_is_refused_in_one_line_and_holds_no_guest()
    {
        await using var world = await MakeAsync();
        var refused = (await world.BackUpAsync("--spool", world.Vault["nowhere"])).Expect(1);
        Assert.Contains("not mounted?", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.Empty(await world.SnapshotNamesAsync());
    }

    static async Task KillAsync(EdgeWorld world, bool afterSeal)
    {
        // Without room in the spool, the reading takes as long as the sending.
        await using var run = Start(world, afterSeal ? [] : ["--spool-size", "1MiB"]);
        Assert.True(await run.Process.ComesBeforeEndAsync(afterSeal ? run.Sealed : run.Moving), "it ended before it could be killed");
        await run.Process.SignalAsync("KILL");
        await run.Process.WaitAsync();
    }

    static Run Start(EdgeWorld world, params string[] more)
    {
        TaskCompletionSource isSealed = new(TaskCreationOptions.RunContinuationsAsynchronously),
            moving = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = CliProcess.Start(world.Arguments(["backup", "--server", "web-1", .. Spooled(world), "--limit-rate", Rate, .. more]),
            folder: world.Vault.Folder, onOutput: (_, line) =>
            {
                if (line.Contains("lies in the spool", StringComparison.Ordinal)) isSealed.TrySetResult();
                if (line.Contains("\"progress\"", StringComparison.Ordinal)) moving.TrySetResult();
            });
        return new(process, isSealed.Task, moving.Task);
    }

    sealed record Run(CliProcess Process, Task Sealed, Task Moving) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Process.DisposeAsync();
    }
}
