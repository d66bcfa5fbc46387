using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What the storage has is compared with what is known.</summary>
public sealed class SnapshotSurveyTests
{
    static readonly SnapshotLimits s_limits = new();

    [Fact]
    public async Task What_a_lost_row_left_is_shown_and_removed_after_its_grace_and_another_systems_stays()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        var kept = await SnapshotServiceTests.TakeAsync(world, server, "kept-one");
        var lost = await SnapshotServiceTests.TakeAsync(world, server, "lost-one");
        await world.Cloud.Storage.Snapshots.TakeAsync("vb-00000000-0190a0000000700080000000000000aa", [new("web-vda")], default);
        // As a database that was restored from before would have it.
        await world.Snapshots.MakeAsync(async change => change.Db.Snapshots.Remove((await change.Db.Snapshots.FindAsync(lost))!), default);

        await SurveyAsync(world);
        Assert.Equal([true, false], world.Portal.Survey!.Orphans.OrderByDescending(one => one.IsOurs).Select(one => one.IsOurs));
        Assert.Equal(3, (await world.SnapshotNamesAsync("web")).Count);
        // However the clock jumps, several surveys have to see it.
        world.Clock.Advance(s_limits.Grace * 10);
        await SurveyAsync(world);
        Assert.Equal(3, (await world.SnapshotNamesAsync("web")).Count);
        world.Clock.Advance(s_limits.SurveyEvery);
        await SurveyAsync(world);
        Assert.Equal(2, (await world.SnapshotNamesAsync("web")).Count);
        Assert.False(Assert.Single(world.Portal.Survey!.Orphans).IsOurs);
        Assert.Equal(SnapshotState.Ready, SnapshotServiceTests.Of(world, kept).State);
    }

    [Fact]
    public async Task A_survey_is_made_when_it_is_due_or_asked_for_and_not_before()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        var survey = NewSurvey(world);
        Assert.True(await survey.TurnAsync(default));
        Assert.False(await survey.TurnAsync(default));
        await world.TellSnapshotsAsync(new SurveySnapshots(ServiceWorld.Region), MessageJson.Default.SurveySnapshots);
        Assert.True(await survey.TurnAsync(default));
        world.Clock.Advance(s_limits.SurveyEvery);
        Assert.True(await survey.TurnAsync(default));
    }

    [Fact]
    public async Task What_the_storage_has_lost_is_told_and_the_next_backup_is_full()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        var name = Assert.Single(await world.SnapshotNamesAsync("web"));
        await world.Cloud.Storage.Snapshots.RemoveAsync(name, [new VolumeId("web-vda")], default);
        await SurveyAsync(world);
        var told = Assert.Single(world.Portal.Snapshots);
        Assert.Equal(SnapshotState.Failed, told.State);
        Assert.Contains("does not have it any more", told.Error, StringComparison.Ordinal);
        var next = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, PointKind.Full), (world.Portal.Run(next.Run).State, world.Portal.Point(next.Point).Kind));
    }

    [Fact]
    public async Task Of_a_server_that_is_gone_the_bases_go_and_what_users_took_stays()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1)));
        await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        var manual = await SnapshotServiceTests.TakeAsync(world, server, "by-hand");
        File.Delete(world.Path("cloud/servers/web.json"));
        await SurveyAsync(world);
        Assert.Equal(2, world.Portal.Snapshots.Count(one => one.State is SnapshotState.Base or SnapshotState.Ready));
        world.Clock.Advance(s_limits.Grace);
        await SurveyAsync(world);
        Assert.Equal([manual], world.Portal.Snapshots.Where(one => one.State is SnapshotState.Base or SnapshotState.Ready).Select(one =>
            one.Snapshot));
        Assert.Single(await world.Cloud.Storage.Snapshots.ListAsync([new VolumeId("web-vda")], default));
    }

    static SnapshotSurvey NewSurvey(ServiceWorld world) => new(world.Snapshots, world.Cloud, ServiceWorld.Region, s_limits);

    static async Task SurveyAsync(ServiceWorld world)
    {
        Assert.True(await NewSurvey(world).TurnAsync(default));
        await world.SettleAsync();
    }
}
