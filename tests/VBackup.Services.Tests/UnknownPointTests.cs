using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A restore of a point that the vBackup service does not know, as after its database was brought back from before, ends at
/// once.</summary>
public sealed class UnknownPointTests
{
    [Fact]
    public async Task A_restore_of_a_point_that_is_unknown_fails_and_says_so()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        ProtectedWorld.Done(await world.BackUpNowAsync(server));
        await world.Services.SettleAsync();
        await world.Services.Backup.MakeAsync(change =>
        {
            change.Db.Points.RemoveRange(change.Db.Points);
            return Task.CompletedTask;
        }, default);
        var run = await RestoreAsync(world, (await world.PointsAsync()).Single().Id);
        Assert.Equal((RunState.Failed, "there is no such point", world.Services.Clock.GetUtcNow()), (run.State, run.Error, run.EndedAt));
    }

    [Fact]
    public async Task Of_another_projects_point_the_answer_is_no_other()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var backup = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", new byte[4096])));
        await world.SettleAsync();
        var stranger = world.Ids.New<ProjectId>();
        foreach (var point in (RestorePointId[])[backup.Point, world.Ids.New<RestorePointId>()])
        {
            var order = new StartRestore(world.Ids.New<RunId>(), stranger, point, RestoreTarget.NewVolume, "copy", "vda", false,
                RunTrigger.Manual);
            await world.TellBackupAsync(order, MessageJson.Default.StartRestore);
            await world.SettleAsync();
            Assert.Equal(new(order.Run, stranger, "there is no such point"), world.Portal.Refused(order.Run));
        }
    }

    static async Task<RunRow> RestoreAsync(ProtectedWorld world, RestorePointId point)
    {
        var wish = new RestoreWish(null, RestoreTarget.NewVolume, "copy", "vda", false);
        var run = await world.Portal.MakeAsync(async change => RestoreStart.Ask(
            change, (await change.Db.Points.FindAsync(point))!, wish, RunTrigger.Manual), default);
        await world.TurnAsync();
        return (await world.RunsAsync()).Single(one => one.Id == run);
    }
}
