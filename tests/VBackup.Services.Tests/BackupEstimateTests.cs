using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a backup will take is said before it begins, and held against the quota.</summary>
public sealed class BackupEstimateTests
{
    const long GiB = 1L << 30;
    static readonly DiskView[] s_disks = [new("vda", "p/a", 10 * GiB, 4 * GiB), new("vdb", "p/b", 2 * GiB, null)];

    [Fact]
    public void Without_points_it_is_what_is_allocated_or_there()
    {
        Assert.Equal(new(6 * GiB, 6 * GiB, 6 * GiB, EstimateBasis.Allocated), BackupEstimate.Of(PointKind.Full, s_disks, []));
        // What is asked for as an incremental becomes a full by itself.
        Assert.Equal(BackupEstimate.Of(PointKind.Full, s_disks, []), BackupEstimate.Of(PointKind.Incremental, s_disks, []));
    }

    [Fact]
    public void Without_sizes_and_points_nothing_is_said()
    {
        Assert.Equal(EstimateBasis.Nothing, BackupEstimate.Of(PointKind.Full, null, []).Basis);
        Assert.Equal(EstimateBasis.Nothing, BackupEstimate.Of(PointKind.Full, [new("vda", "p/a", null, null)], []).Basis);
    }

    [Fact]
    public void A_full_stores_by_the_worst_ratio_of_the_newest_three()
    {
        EarlierPoint[] earlier = [Full(100, 20), Full(100, 50), Full(100, 10), Full(100, 99)];
        Assert.Equal(new(6 * GiB, 3 * GiB, 3 * GiB + 3 * GiB / 2, EstimateBasis.History),
            BackupEstimate.Of(PointKind.Full, s_disks, earlier));
        Assert.Equal(new(100, 50, 75, EstimateBasis.History), BackupEstimate.Of(PointKind.Full, null, earlier));
    }

    [Fact]
    public void An_incremental_is_like_the_largest_of_the_newest_three()
    {
        EarlierPoint[] earlier = [Incremental(10, 5), Incremental(40, 8), Incremental(0, 0), Incremental(9000, 9000), Full(100, 20)];
        Assert.Equal(new(40, 20, 30, EstimateBasis.History), BackupEstimate.Of(PointKind.Incremental, s_disks, earlier));
    }

    [Fact]
    public void The_first_incremental_is_a_tenth_of_a_full() => Assert.Equal(
        new(6 * GiB / 10, 3 * GiB / 10, 3 * GiB / 10, EstimateBasis.TenthOfFull),
            BackupEstimate.Of(PointKind.Incremental, s_disks, [Full(100, 50)]));

    [Fact]
    public void Volumes_that_are_not_included_teach_nothing() => Assert.Equal(
        new(4 * GiB, 4 * GiB, 4 * GiB, EstimateBasis.Allocated),
        BackupEstimate.Of(PointKind.Full, [s_disks[0]], [new(PointKind.Full, [new("vdz", 1, PointKind.Full, 100, 1)])]));

    [Fact]
    public async Task A_first_full_that_would_pass_the_quota_fails_before_it_writes()
    {
        const int size = 1024 * 1024;
        await using var world = await ProtectedWorld.MakeAsync();
        var noise = new byte[size];
        new Random(1).NextBytes(noise);
        var server = await world.AddServerAsync("web", ("vda", noise));
        var policy = await world.NewPolicyAsync("daily", new(new(1, 0), "Etc/UTC", Daily: new(1)));
        var plan = await world.ProtectAsync(server, new PlanWish(policy.Id));
        await LimitAsync(size - 1);
        var before = Files();
        var refused = ProtectedWorld.Done(await world.BackUpNowAsync(server));
        await world.Services.SettleAsync();
        var run = world.Services.Portal.Run(refused);
        Assert.Equal((RunState.Failed, 0L), (run.State, run.StoredBytes));
        Assert.Contains($"about {size} are needed", run.Error, StringComparison.Ordinal);
        Assert.Equal(before, Files());
        Assert.Empty(await world.Services.SnapshotNamesAsync("web"));
        await LimitAsync(size * 2);
        var done = ProtectedWorld.Done(await world.BackUpNowAsync(server));
        await world.Services.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Services.Portal.Run(done).State);

        string[] Files() =>
            [.. Directory.EnumerateFiles(world.Services.Path("vault"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

        async Task LimitAsync(long bytes)
        {
            Assert.Null((await world.Locations.ChangeAsync(world.Project, plan.Location, new(bytes, false, null, null), default)).Reason);
            await world.Services.SettleAsync();
        }
    }

    static EarlierPoint Full(long read, long stored) => new(PointKind.Full, [new("vda", 10 * GiB, PointKind.Full, read, stored)]);

    static EarlierPoint Incremental(long read, long stored) =>
        new(PointKind.Incremental, [new("vda", 10 * GiB, PointKind.Incremental, read, stored)]);
}
