using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

/// <summary>
/// The process is killed at every durable step and at random moments. Whatever was complete stays; the next run works; in
/// the end all that was left behind can be collected.
/// </summary>
public abstract class CrashTests
{
    const int RandomMomentsByDefault = 100;
    const int RandomMomentsInSoak = 1000;
    protected const int VolumeLength = 1_500_001;

    private protected CliVault Vault { get; private set; } = null!;
    private protected Random Random { get; private set; } = null!;
    protected int Killed { get; private set; }

    /// <summary>A seed from the environment replays a failure.</summary>
    protected static int Seed { get; } = int.TryParse(Environment.GetEnvironmentVariable("VBACKUP_TEST_SEED"), out var seed) ? seed : 1;

    private protected async Task OnVaultAsync(Func<Task> story)
    {
        TracedRun.Need();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {Seed} (VBACKUP_TEST_SEED)");
        await using var vault = await CliVault.MakeAsync();
        (Vault, Random) = (vault, new(Seed));
        await vault.BackUpAsync(Contents.Mixed(Seed, VolumeLength));
        await story();
        Assert.True(Killed > 0, "nothing was killed: nothing was tested");
        await vault.CheckAllAsync();
        await vault.DeleteAllAndExpectNothingLeftAsync();
    }

    /// <summary>Kills one run after another a step later, until one ends by itself before its step comes.</summary>
    private protected async Task KillAtEveryStepAsync(
        int stepsMax, Func<int, Task<string[]>> prepare, Func<int, bool, Task> check)
    {
        for (var step = 1; step <= stepsMax; step++)
        {
            var arguments = await prepare(step);
            var (_, killed) = await TracedRun.KillAtStepAsync(step, arguments, Vault.Folder);
            if (killed) Killed++;
            await check(step, killed);
            if (!killed) return;
        }
        Assert.Fail($"the runs have more than {stepsMax} steps: the last ones were never tried");
    }

    /// <summary>Kills runs at moments drawn from the seed, within about as long as a run takes.</summary>
    private protected async Task KillAtRandomMomentsAsync(
        Func<int, Task<string[]>> prepare, Func<int, bool, Task> check, int byDefault = RandomMomentsByDefault)
    {
        var start = TimeProvider.System.GetTimestamp();
        (await CliProcess.RunAsync(await prepare(0), folder: Vault.Folder)).Expect(0);
        var usual = TimeProvider.System.GetElapsedTime(start);
        await check(0, false);
        for (var i = 1; i <= (Needs.Soak ? RandomMomentsInSoak : byDefault); i++)
        {
            await using var run = CliProcess.Start(await prepare(i), folder: Vault.Folder);
            // The moment is what is tested; nothing waits here for something to have happened.
            await run.ComesBeforeEndAsync(Task.Delay(usual * Random.NextDouble(), TimeProvider.System));
            run.Kill();
            var killed = (await run.WaitAsync()).Status != 0;
            if (killed) Killed++;
            await check(i, killed);
        }
    }

    /// <summary>All that was complete is there and sound; a point that became complete just before the kill is one of them.</summary>
    private protected async Task CheckAfterBackupAsync(byte[] content)
    {
        var points = await Vault.PointsAsync();
        Assert.Empty(Vault.Complete.Keys.Except(points));
        foreach (var point in points.Except(Vault.Complete.Keys).ToList())
        {
            Vault.Complete[point] = content;
            await Vault.RestoreAndCompareAsync(point);
        }
    }
}

/// <summary>Each way of killing has a class of its own: they are long, and classes run side by side.</summary>
public sealed class BackupsKilledAtStepsTests : CrashedBackupTests
{
    [Fact]
    public Task A_backup_killed_at_any_durable_step_loses_nothing_and_leaves_nothing() => OnVaultAsync(async () =>
    {
        await KillAtEveryStepAsync(400, PrepareAsync, CheckAsync);
    });
}

public sealed class BackupsKilledAtRandomTests : CrashedBackupTests
{
    [Fact]
    public Task A_backup_killed_at_any_moment_loses_nothing_and_leaves_nothing() => OnVaultAsync(() =>
        KillAtRandomMomentsAsync(PrepareAsync, CheckAsync));
}

public abstract class CrashedBackupTests : CrashTests
{
    byte[] _content = [];
    int _seed = 1000;

    private protected async Task<string[]> PrepareAsync(int number)
    {
        _content = Contents.Change(_seed + number, Vault.Complete.Values.Last(), 20).Content;
        await File.WriteAllBytesAsync(Vault.Source, _content);
        return Vault.BackupArguments(number % 2 == 0 ? ["--base", Vault.Complete.Keys.Last()] : []);
    }

    private protected async Task CheckAsync(int number, bool killed)
    {
        await CheckAfterBackupAsync(_content);
        if (number % 8 != 0) return;
        (await Vault.RunAsync("verify", "--all-data")).Expect(0);
        await Vault.BackUpAsync(_content);
        await Vault.RestoreAndCompareAsync(Vault.Complete.Keys.Last());
    }
}

public sealed class DeletionsKilledAtStepsTests : CrashedDeletionTests
{
    [Fact]
    public Task A_deletion_killed_at_any_durable_step_deletes_that_point_or_nothing() => OnVaultAsync(() =>
        KillAtEveryStepAsync(40, PrepareAsync, CheckAsync));
}

public sealed class DeletionsKilledAtRandomTests : CrashedDeletionTests
{
    /// <summary>A deletion has few steps, and most of its time passes before the first.</summary>
    const int MomentsByDefault = 20;

    [Fact]
    public Task A_deletion_killed_at_any_moment_deletes_that_point_or_nothing() => OnVaultAsync(() =>
        KillAtRandomMomentsAsync(PrepareAsync, CheckAsync, MomentsByDefault));
}

public abstract class CrashedDeletionTests : CrashTests
{
    string _point = "";

    private protected async Task<string[]> PrepareAsync(int number)
    {
        // What a kill left undeleted is what the next one is to delete.
        if (!Vault.Complete.ContainsKey(_point))
        {
            await Vault.BackUpAsync(Contents.Mixed(Seed + number, 200_000));
            _point = Vault.Complete.Keys.Last();
        }
        return Vault.Arguments("delete", _point);
    }

    private protected async Task CheckAsync(int number, bool killed)
    {
        var points = await Vault.PointsAsync();
        if (!points.Contains(_point)) Vault.Complete.Remove(_point);
        else Assert.True(killed, "the deletion said that it was done, and it was not");
        Assert.Equal(Vault.Complete.Keys.Order(), points.Order());
    }
}

public sealed class CollectionsKilledAtStepsTests : CrashedCollectionTests
{
    [Fact]
    public Task A_collection_killed_at_any_durable_step_loses_nothing_and_the_next_one_finishes() => OnVaultAsync(() =>
        KillAtEveryStepAsync(400, PrepareAsync, CheckAsync));
}

public sealed class CollectionsKilledAtRandomTests : CrashedCollectionTests
{
    [Fact]
    public Task A_collection_killed_at_any_moment_loses_nothing_and_the_next_one_finishes() => OnVaultAsync(() =>
        KillAtRandomMomentsAsync(PrepareAsync, CheckAsync));
}

public abstract class CrashedCollectionTests : CrashTests
{
    int _seed = 5000;

    /// <summary>A point on the one before, which is deleted: part of its pack is garbage, and the pack is to be rewritten.</summary>
    private protected async Task<string[]> PrepareAsync(int number)
    {
        var content = Contents.Change(_seed + number, Vault.Complete.Values.Last(), 35).Content;
        await Vault.BackUpAsync(content, "--base", Vault.Complete.Keys.Last());
        if (Vault.Complete.Count > 2) await Vault.DeleteAsync(Vault.Complete.Keys.First());
        return Vault.Arguments("gc");
    }

    // Reading all data tells of a lost chunk as well as a restore does, and of every point.
    private protected async Task CheckAsync(int number, bool killed)
    {
        var verified = (await Vault.RunAsync("verify", "--all-data")).Expect(0).Last;
        Assert.Equal(Vault.Complete.Count, verified.GetProperty("points").GetInt32());
        if (number % 8 != 0) return;
        Assert.Equal(Vault.Complete.Keys.Order(), (await Vault.PointsAsync()).Order());
        await Vault.RestoreAndCompareAsync(Vault.Complete.Keys.ElementAt(Random.Next(Vault.Complete.Count)));
    }
}
