using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>
/// A restore in place that stands still half-way, as when its host hangs; another does the work, and the server runs. Then the first
/// one wakes up.
/// </summary>
[Collection(RealEdge.Collection)]
public sealed class TakeOverTests(ITestOutputHelper output)
{
    const int NoiseMebibytes = 24;

    // At which the noise takes long enough to be stopped half-way.
    const string SlowRate = "4MiB";

    [Fact]
    public async Task A_restore_that_slept_while_another_finished_changes_no_byte_of_the_running_server()
    {
        var lab = await EdgeLab.SharedAsync();
        await using var server = await LabServer.StartAsync(lab);
        await using var world = await EdgeWorld.OfServerAsync(lab, server.Name, await CliVault.MakeAsync());
        try
        {
            // Two points with different noise in the same place: what the sleeper writes would be seen.
            await server.WriteNoiseAsync(NoiseMebibytes);
            var sleepers = PointOf(await world.BackUpAsync());
            await server.WriteNoiseAsync(NoiseMebibytes);
            var winners = PointOf(await world.BackUpAsync());
            await server.WriteNoiseAsync(NoiseMebibytes);
            await server.SwitchOffAsync();

            var isAtWork = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var sleeper = world.Start((process, line) =>
            {
                if (IsWriting(line)) isAtWork.TrySetResult();
            }, "restore", sleepers, "--to", "original", "--limit-rate", SlowRate);
            Assert.True(await sleeper.ComesBeforeEndAsync(isAtWork.Task), "it ended before it could be stopped");
            await sleeper.SignalAsync("STOP");

            (await world.OnVaultAsync("restore", winners, "--to", "original")).Expect(0);
            await server.StartAgainAsync();
            Assert.Contains("ORDER-OK", await server.ConsoleAsync(), StringComparison.Ordinal);
            // Its processors stand still, so that whatever changes is not its own doing.
            await server.SuspendAsync();
            var before = await server.DigestsAsync();

            await sleeper.SignalAsync("CONT");
            var ended = (await sleeper.WaitAsync()).Expect(1);
            Assert.Contains("somebody else took over", Assert.Single(ended.Errors), StringComparison.Ordinal);
            Assert.Contains("this restore writes nothing more", ended.Errors[0], StringComparison.Ordinal);
            Assert.DoesNotContain("rollback", ended.Errors[0], StringComparison.Ordinal);
            output.WriteLine(ended.Errors[0]);
            Assert.Equal(before, await server.DigestsAsync());

            // The server goes on, and is as sound as one that was never touched.
            await server.ResumeAsync();
            var after = PointOf(await world.BackUpAsync());
            string first = await RealEdge.RestoreDiskAsync(world, after, "vda"),
                second = await RealEdge.RestoreDiskAsync(world, after, "vdb");
            var (order, consistency, _) = await RealEdge.CheckJournalAsync(first, second);
            Assert.Equal(("ORDER-OK", "FROZEN"), (order, consistency));
            // Two safety snapshots, which name themselves in what was said, and the newest point's.
            Assert.Equal(2, (await world.SnapshotNamesAsync()).Count(name => name.StartsWith("safety-", StringComparison.Ordinal)));
            Assert.Single(await RealEdge.OwnSnapshotsAsync(world));
        }
        finally
        {
            foreach (var name in await world.SnapshotNamesAsync()) (await world.ReleaseAsync(name)).Expect(0);
        }
    }

    [Fact]
    public async Task A_server_that_is_started_by_hand_while_it_is_rewritten_makes_the_restore_stop_and_say_so()
    {
        var lab = await EdgeLab.SharedAsync();
        await using var server = await LabServer.StartAsync(lab);
        await using var world = await EdgeWorld.OfServerAsync(lab, server.Name, await CliVault.MakeAsync());
        try
        {
            await server.WriteNoiseAsync(NoiseMebibytes);
            var point = PointOf(await world.BackUpAsync());
            await server.WriteNoiseAsync(NoiseMebibytes);
            await server.SwitchOffAsync();

            var isAtWork = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var restore = world.Start((process, line) =>
            {
                if (IsWriting(line)) isAtWork.TrySetResult();
            }, "restore", point, "--to", "original", "--limit-rate", SlowRate);
            Assert.True(await restore.ComesBeforeEndAsync(isAtWork.Task), "it ended before the server was started");
            await server.SwitchOnAsync();
            var error = Assert.Single((await restore.WaitAsync()).Expect(1).Errors);
            output.WriteLine(error);
            Assert.Contains("was started while its volumes were rewritten", error, StringComparison.Ordinal);
            Assert.Matches("'vbackup edge snapshots rollback safety-[^ ]+ --cloud [^ ]+ --server [^ ]+' brings them back", error);

            // Off again, all can still be had.
            await server.SwitchOffAsync();
            (await world.OnVaultAsync("restore", point, "--to", "original")).Expect(0);
            await server.StartAgainAsync();
            Assert.Contains("ORDER-OK", await server.ConsoleAsync(), StringComparison.Ordinal);
        }
        finally
        {
            foreach (var name in await world.SnapshotNamesAsync()) (await world.ReleaseAsync(name)).Expect(0);
        }
    }

    static bool IsWriting(string line) => line.Contains("\"progress\"", StringComparison.Ordinal)
        && line.Contains("\"what\":\"vda\"", StringComparison.Ordinal);

    static string PointOf(Ended backup) => backup.Expect(0).Last.GetProperty("point").GetString()!;
}
