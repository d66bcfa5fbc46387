using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Service;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>One run, or one point, that nobody can make sense of does not keep the others from their end, and is told of.</summary>
public sealed class PoisonedRunTests
{
    [Fact]
    public async Task A_run_that_cannot_be_ended_keeps_no_other_from_its_end()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var poisoned = await world.OrderBackupAsync(await world.AddServerAsync("poisoned", ("vda", new byte[4096])));
        var other = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", new byte[4096])));
        await world.Backup.MakeAsync(change => change.Db.Points.Where(one => one.Id == poisoned.Point).ExecuteDeleteAsync(), default);
        world.Clock.Advance(Clockwork.SnapshotPatience + TimeSpan.FromSeconds(1));
        // And again with the next turn.
        for (var turn = 0; turn < 2; turn++)
        {
            var told = await Assert.ThrowsAsync<AggregateException>(() => world.Clockwork.TurnAsync(default));
            var failed = Assert.IsType<StepFailedException>(Assert.Single(told.InnerExceptions));
            Assert.Contains($"run {poisoned.Run}: Run {poisoned.Run} has no point", failed.Message, StringComparison.Ordinal);
        }
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal((RunState.Snapshotting, RunState.Failed),
            (world.Portal.Run(poisoned.Run).State, world.Portal.Run(other.Run).State));
    }

    [Fact]
    public async Task A_point_that_cannot_be_purged_keeps_no_other_in_the_bin()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await world.ChangeLocationAsync(location => location.IsLimited(null, softDeleteDays: 3));
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        List<StartBackup> made = [];
        for (var i = 0; i < 2; i++)
        {
            made.Add(await world.OrderBackupAsync(server, PointKind.Full));
            await world.SettleAsync();
            await world.TellBackupAsync(new DeletePoint(made[i].Point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
            world.Clock.Advance(TimeSpan.FromSeconds(1));
        }
        await world.Backup.MakeAsync(async change =>
        {
            var poisoned = (await change.Db.Points.FindAsync(made[0].Point))!;
            change.Db.Entry(poisoned).Property(one => one.Location).CurrentValue = change.NewId<Contracts.Ids.LocationId>();
        }, default);
        world.Clock.Advance(TimeSpan.FromDays(3));
        var told = await Assert.ThrowsAsync<AggregateException>(() => world.Clockwork.TurnAsync(default));
        Assert.Contains($"point {made[0].Point}: ", Assert.Single(told.InnerExceptions).Message, StringComparison.Ordinal);
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal((RestorePointState.SoftDeleted, RestorePointState.Deleted),
            (world.Portal.Point(made[0].Point).State, world.Portal.Point(made[1].Point).State));
    }
}
