using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Every snapshot is the vSnapshot service's, whatever it is for.</summary>
public sealed class SnapshotServiceTests
{
    [Fact]
    public async Task Two_projects_may_give_snapshots_the_same_name()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (web, mail) = (await world.AddServerAsync("web", ("vda", Content(1))), await world.AddServerAsync("mail", ("vda", Content(2))));
        var mine = await TakeAsync(world, web, "before-upgrade");
        var theirs = await TakeAsync(world, mail, "before-upgrade", project: world.Ids.New<ProjectId>());
        Assert.Equal([SnapshotState.Ready, SnapshotState.Ready], new[] { mine, theirs }.Select(id => Of(world, id).State));
    }

    [Fact]
    public async Task A_snapshot_goes_when_its_days_are_over_and_one_that_is_kept_until_deleted_stays()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)));
        var short_ = await TakeAsync(world, server, "for-a-day", keptUntil: world.Clock.GetUtcNow().AddDays(1));
        var long_ = await TakeAsync(world, server, "for-ever");
        world.Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        await world.SettleAsync();
        Assert.Equal((SnapshotState.Removed, SnapshotState.Ready), (Of(world, short_).State, Of(world, long_).State));
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task A_roll_back_secures_what_is_there_and_ends_change_tracking()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var before = Content(1);
        var server = await world.AddServerAsync("web", ("vda", before));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        var after = Content(2);
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), after);

        await RollBackAsync(world, snapshot);
        Assert.Equal(before, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.Equal((false, world.Clock.GetUtcNow(), null), (Of(world, snapshot).IsRollingBack, Of(world, snapshot).RolledBackAt,
            Of(world, snapshot).Error));
        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
        Assert.Equal((SnapshotState.Ready, world.Clock.GetUtcNow().AddDays(7)), (safety.State, safety.KeptUntil));
        Assert.DoesNotContain(world.Portal.Snapshots, one => one.State == SnapshotState.Base);
        var next = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal(PointKind.Full, world.Portal.Point(next.Point).Kind);
        Assert.Contains(world.Portal.Run(next.Run).Notes, note => note.Contains("becomes full", StringComparison.Ordinal));

        await RollBackAsync(world, safety.Snapshot);
        Assert.Equal(after, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
    }

    [Fact]
    public async Task What_a_backup_made_is_gone_back_to_too()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var before = Content(1);
        var server = await world.AddServerAsync("web", ("vda", before));
        await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        var made = Assert.Single(world.Portal.Snapshots, one => one.State == SnapshotState.Base).Snapshot;
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), Content(2));
        await RollBackAsync(world, made);
        Assert.Equal(before, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.Equal(SnapshotState.Removed, Of(world, made).State);
    }

    [Fact]
    public async Task One_volume_of_a_servers_snapshot_is_rolled_back_and_the_other_stays()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)), ("vdb", Content(2)));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        foreach (var disk in (string[])["vda", "vdb"]) await File.WriteAllBytesAsync(world.VolumePath($"web-{disk}"), Content(3));
        await RollBackAsync(world, snapshot, ["vdb"]);
        Assert.Equal(Content(3), await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.Equal(Content(2), await File.ReadAllBytesAsync(world.VolumePath("web-vdb")));
        var safety = Assert.Single(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
        Assert.Equal("vdb", Assert.Single(safety.Disks).Name);
    }

    [Fact]
    public async Task A_running_server_is_not_rolled_back_then_or_later()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), Content(2));
        await world.DeclareServerAsync("web", "running", ("vda", "web-vda"));
        await RollBackAsync(world, snapshot);
        Assert.Contains("stop it first", Of(world, snapshot).Error, StringComparison.Ordinal);
        await world.DeclareServerAsync("web", "shutdown", ("vda", "web-vda"));
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.SettleAsync();
        Assert.Equal(Content(2), await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
        Assert.DoesNotContain(world.Portal.Snapshots, one => one.Purpose == SnapshotPurpose.Safety);
    }

    [Fact]
    public async Task A_roll_back_that_comes_too_late_is_not_made()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)));
        var snapshot = await TakeAsync(world, server, "before-upgrade");
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), Content(2));
        await world.TellSnapshotsAsync(new RollBackSnapshot(snapshot, world.Project), MessageJson.Default.RollBackSnapshot,
            notAfter: world.Clock.GetUtcNow() - TimeSpan.FromSeconds(1));
        await world.SettleAsync();
        Assert.Contains("too late", Of(world, snapshot).Error, StringComparison.Ordinal);
        Assert.Equal(Content(2), await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
    }

    [Theory]
    [InlineData(2, 99, 99, "the volume web-vda has 2")]
    [InlineData(99, 2, 99, "the pool  has 2")]
    [InlineData(99, 99, 2, "the region has 2")]
    public async Task A_backup_that_meets_a_cap_fails_and_names_it(int volume, int pool, int region, string cap)
    {
        await using var world = await ServiceWorld.MakeAsync(snapshots: new() { Caps = new() { PerVolume = volume, PerPool = pool,
            PerRegion = region } });
        var server = await world.AddServerAsync("web", ("vda", Content(1)));
        await TakeAsync(world, server, "first");
        var second = await TakeAsync(world, server, "second");
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Failed, world.Portal.Run(order.Run).State);
        Assert.Contains(cap, world.Portal.Run(order.Run).Error, StringComparison.Ordinal);

        // What is removed counts no more.
        await world.TellSnapshotsAsync(new RemoveSnapshot(second, world.Project), MessageJson.Default.RemoveSnapshot);
        await world.SettleAsync();
        order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
    }

    [Fact]
    public async Task Volumes_are_given_free_of_what_backups_keep_and_of_the_rest_only_when_that_is_said()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)), ("vdb", Content(2)));
        await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        var manual = await TakeAsync(world, server, "by-hand", ["vdb"]);
        await FreeAsync(world, server, null, removesAll: false);
        Assert.Equal(SnapshotState.Ready, Of(world, manual).State);
        Assert.Single(await world.SnapshotNamesAsync("web"));
        await FreeAsync(world, server, ["web-vda"], removesAll: true);
        Assert.Single(await world.SnapshotNamesAsync("web"));
        await FreeAsync(world, server, ["web-vdb"], removesAll: true);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
    }

    [Fact]
    public async Task Another_project_gives_nothing_free()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", Content(1)));
        await TakeAsync(world, server, "by-hand");
        await world.TellSnapshotsAsync(new FreeVolumes(world.Ids.New<ProjectId>(), server, null, RemovesAll: true),
            MessageJson.Default.FreeVolumes);
        await world.SettleAsync();
        Assert.Single(await world.SnapshotNamesAsync("web"));
    }

    internal static async Task<SnapshotId> TakeAsync(ServiceWorld world, ServerRef server, string name, IReadOnlyList<string>? disks = null,
        ProjectId? project = null, DateTimeOffset? keptUntil = null)
    {
        var id = world.Ids.New<SnapshotId>();
        await world.TellSnapshotsAsync(new TakeServerSnapshot(id, null, project ?? world.Project, server, name, disks,
            SnapshotPurpose.Manual, keptUntil),
            MessageJson.Default.TakeServerSnapshot);
        await world.SettleAsync();
        return id;
    }

    internal static async Task RollBackAsync(ServiceWorld world, SnapshotId snapshot, IReadOnlyList<string>? disks = null)
    {
        await world.TellSnapshotsAsync(new RollBackSnapshot(snapshot, world.Project, disks), MessageJson.Default.RollBackSnapshot);
        await world.SettleAsync();
    }

    static async Task FreeAsync(ServiceWorld world, ServerRef server, IReadOnlyList<string>? volumes, bool removesAll)
    {
        await world.TellSnapshotsAsync(new FreeVolumes(world.Project, server, volumes, removesAll), MessageJson.Default.FreeVolumes);
        await world.SettleAsync();
    }

    internal static SnapshotChanged Of(ServiceWorld world, SnapshotId id) => world.Portal.Snapshots.Single(one => one.Snapshot == id);

    internal static byte[] Content(int seed)
    {
        var content = new byte[300_000];
        new Random(seed).NextBytes(content);
        return content;
    }
}
