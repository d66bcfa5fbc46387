using System.Security.Cryptography;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A lab that may be broken, started when it is first needed.</summary>
public sealed class FaultLab : IAsyncDisposable
{
    /// <summary>Takes some seconds at the rates below, and is more than a restore reads at once; so that a fault comes half-way.</summary>
    internal const int NoiseMebibytes = 48;

    EdgeLab? _lab;
    LabServer? _server;

    internal async Task<(EdgeLab Lab, LabServer Server)> StartedAsync()
    {
        _ = RealEdge.Lab();
        if (_lab is null)
        {
            _lab = await EdgeLab.StartAsync();
            _server = new(_lab, _lab["VBACKUP_TEST_SERVER"], "rbd/lab-1-a", "rbd/lab-1-b");
            await _server.WriteNoiseAsync(NoiseMebibytes);
        }
        return (_lab, _server!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is not null) await _lab.DisposeAsync();
    }
}

/// <summary>
/// Everything that a backup and a restore stand on, broken while they are at work. They end well after all, or fail in one line that
/// says what is wrong; and they leave nothing behind: no snapshot, no half volume, no frozen guest, a vault that is sound, and the next
/// run works.
/// </summary>
[Collection(RealEdge.Collection)]
public sealed class FaultMatrixTests(FaultLab lab, ITestOutputHelper output) : IClassFixture<FaultLab>
{
    const string DisksStandStill = "all disks stand still", DiskHangs = "a disk hangs, and Ceph gives it up",
        OnlyReadsHang = "a disk hangs under what is read, and Ceph gives it up";
    static readonly string[] s_disks = ["osd.0", "osd.1"];

    // A restore has several reads under way at once: what is in them cannot be missed any more.
    const string SlowRate = "6MiB", SlowestRate = "2MiB";

    /// <param name="Break">Done when the run is at work; or before, see <paramref name="IsBefore"/>.</param>
    /// <param name="Mend">Done at once where the fault <paramref name="Passes"/>, else when the run is over.</param>
    /// <param name="Prepare">Done before the run begins.</param>
    /// <param name="Backup">What the last line of a backup says; null: it ends well.</param>
    /// <param name="Restore">The same of a restore.</param>
    sealed record Fault(FaultPlace Place, Func<FaultScene, Task> Break, Func<FaultScene, Task> Mend, bool Passes = false,
        bool IsBefore = false, Func<FaultScene, Task>? Prepare = null, string Rate = SlowRate,
        string? Backup = null, string? Restore = null, Action<FaultScene>? Happened = null);

    static readonly Dictionary<string, Fault> s_faults = new()
    {
        ["a disk is killed and comes back"] = new(FaultPlace.S3, scene => scene.Lab.SignalAsync("osd.1", "KILL"), scene =>
            scene.Lab.MendAsync(), Passes: true),
        [DiskHangs] = new(FaultPlace.S3, HangDiskAsync, WakeDiskAsync, Prepare: ChooseDiskAsync),
        // Where S3 stands still as well, it may hold a run up before that comes to anything that it would wait for.
        [OnlyReadsHang] = new(FaultPlace.Folder, HangDiskAsync, WakeDiskAsync, Prepare: ChooseDiskAsync, Rate: SlowestRate),
        ["the monitor is killed and comes back"] = new(FaultPlace.S3, scene => scene.Lab.SignalAsync("mon.a", "KILL"), scene =>
            scene.Lab.MendAsync(), Passes: true),
        ["S3 is killed and comes back"] = new(FaultPlace.S3, scene => scene.Lab.SignalAsync("rgw", "KILL"), scene => scene.Lab.MendAsync(),
            Passes: true),
        ["S3 is slow"] = new(FaultPlace.SlowS3, scene => Now(() => scene.Gateway!.SlowDown(2 << 20)), scene =>
            Now(() => scene.Gateway!.SlowDown(0)), IsBefore: true,
            Happened: scene => Assert.InRange(scene.Gateway!.SlowBytes, 1 << 20, long.MaxValue)),
        ["S3 is overloaded for a while"] = new(FaultPlace.SlowS3, scene => Now(() => scene.Gateway!.RefuseNext(12)), Nothing,
            Happened: scene => Assert.Equal(0, scene.Gateway!.RefusalsLeft)),
        ["the bucket is gone"] = new(FaultPlace.SlowS3, RemoveBucketAsync, scene => scene.BeginAnewAsync(), Backup: "does not exist",
            Restore: "does not exist"),
        [DisksStandStill] = new(FaultPlace.S3, StopDisksAsync, WakeDisksAsync, Restore: "the cluster gave no answer in time"),
        ["the credentials are revoked"] = new(FaultPlace.OwnUser,
            scene => scene.Lab.RadosGatewayAsync("user", "suspend", $"--uid={scene.User}"),
            scene => scene.Lab.RadosGatewayAsync("user", "enable", $"--uid={scene.User}"), Backup: "refuses", Restore: "refuses"),
        ["the location's CephFS is gone"] = new(FaultPlace.CephFs, scene => scene.Mount!.KillAsync(), scene =>
            scene.Mount!.MountAgainAsync(),
            Backup: "not connected", Restore: "not connected"),
        ["the spool's CephFS is gone"] = new(FaultPlace.Spool, scene => scene.Mount!.KillAsync(), scene => scene.Mount!.MountAgainAsync(),
            Backup: "not connected"),   // A restore takes from the store what the spool does not give.
        // Less than a single write: CephFS knows late what a folder holds, and an upload makes room.
        ["the spool is full"] = new(FaultPlace.Spool, scene => CephFsMount.LimitAsync(scene.SpoolFolder, 64 << 10),
            scene => CephFsMount.LimitAsync(scene.SpoolFolder, 0), IsBefore: true, Backup: "is full"),
    };

    // Some of each kind; the others take longer, and are part of the soak.
    static readonly string[] s_alwaysUnderBackups =
        [DiskHangs, OnlyReadsHang, "the monitor is killed and comes back", "S3 is killed and comes back", "the spool's CephFS is gone",
            "the spool is full"];
    static readonly string[] s_alwaysUnderRestores = ["S3 is overloaded for a while", "the credentials are revoked"];

    static readonly string[] s_alwaysInPlace = [DisksStandStill];

    // What a run made in a cluster that does not answer, nothing can take back.
    public static TheoryData<string> FaultsUnderBackups => [.. s_faults.Keys.Where(name => name != DisksStandStill)];

    public static TheoryData<string> FaultsUnderRestores => FaultsUnderBackups;

    public static TheoryData<string> FaultsInPlace =>
        ["a disk is killed and comes back", "S3 is killed and comes back", DisksStandStill, "the credentials are revoked",
            "the spool's CephFS is gone"];

    [Theory]
    [MemberData(nameof(FaultsUnderBackups))]
    public async Task A_backup_outlasts_it_or_fails_clearly_and_leaves_nothing_behind(string name)
    {
        Assert.SkipUnless(Needs.Soak || s_alwaysUnderBackups.Contains(name), "part of the soak: run ./test.sh --soak");
        var fault = s_faults[name];
        var (cluster, server) = await lab.StartedAsync();
        await using var scene = await FaultScene.MakeAsync(cluster, server, fault.Place);
        var others = await RealEdge.OwnSnapshotsAsync(scene.World);
        try
        {
            var ended = await BreakAsync(scene, fault, ["backup", "--server", server.Name]);
            Expect(ended, fault.Backup);
            if (name == OnlyReadsHang) Assert.Contains(ended.Output, line => line.Contains("no answer from", StringComparison.Ordinal));
            Assert.False(await server.IsFrozenAsync(), "the guest is still frozen");
            // A run that had read everything is finished from the spool, and its snapshot is the next base.
            var isFinishable = ended.Status != 0 && ended.Errors[^1].Contains("lies in the spool", StringComparison.Ordinal);
            Assert.Equal(ended.Status == 0 || isFinishable ? 1 : 0, (await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others).Count());
            if (fault.Backup is null)
                (await scene.World.OnVaultAsync("compare", ended.Last.GetProperty("point").GetString()!)).Expect(0);
            (await scene.World.Vault.RunAsync("verify", "--all-data")).Expect(0);
            (await scene.BackUpAsync()).Expect(0);
            Assert.Single((await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others));
        }
        finally
        {
            foreach (var one in (await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others))
                (await scene.World.ReleaseAsync(one)).Expect(0);
        }
    }

    [Theory]
    [MemberData(nameof(FaultsUnderRestores))]
    public async Task A_restore_outlasts_it_or_fails_clearly_and_leaves_nothing_behind(string name)
    {
        Assert.SkipUnless(Needs.Soak || s_alwaysUnderRestores.Contains(name), "part of the soak: run ./test.sh --soak");
        var fault = s_faults[name];
        var (cluster, server) = await lab.StartedAsync();
        await using var scene = await FaultScene.MakeAsync(cluster, server, fault.Place);
        var others = await RealEdge.OwnSnapshotsAsync(scene.World);
        string copy = $"copy-of-{Path.GetFileName(scene.World.Vault.Folder)}";
        try
        {
            var point = (await scene.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!;
            var images = await cluster.RbdAsync("ls", "rbd");
            string[] restore = ["restore", point, "--to", "new-volume", copy, "--volume", "vda"];
            Expect(await BreakAsync(scene, fault, restore), fault.Restore);
            Assert.Equal(fault.Restore is null ? [.. images.Append(copy).Order(StringComparer.Ordinal)] : images,
                await cluster.RbdAsync("ls", "rbd"));
            (await scene.World.Vault.RunAsync("verify", "--all-data")).Expect(0);
            // The vault of a bucket that is gone has no point any more, and nobody knows what its snapshot was for.
            var isLost = (await scene.World.Vault.PointsAsync()).Length == 0;
            if (isLost) restore[1] = (await scene.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!;
            restore[4] = $"{copy}-2";
            (await scene.World.OnVaultAsync([.. restore, .. scene.Options])).Expect(0);
            Assert.Equal(isLost ? 2 : 1, (await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others).Count());
        }
        finally
        {
            foreach (var image in (await cluster.RbdAsync("ls", "rbd")).Where(image => image.StartsWith(copy, StringComparison.Ordinal)))
                await cluster.RbdAsync("rm", "--no-progress", $"rbd/{image}");
            foreach (var one in (await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others))
                (await scene.World.ReleaseAsync(one)).Expect(0);
        }
    }

    [Theory]
    [MemberData(nameof(FaultsInPlace))]
    public async Task A_restore_in_place_outlasts_it_or_the_volumes_can_be_brought_back(string name)
    {
        Assert.SkipUnless(Needs.Soak || s_alwaysInPlace.Contains(name), "part of the soak: run ./test.sh --soak");
        var fault = s_faults[name];
        var (cluster, server) = await lab.StartedAsync();
        await using var scene = await FaultScene.MakeAsync(cluster, server, fault.Place);
        var others = await RealEdge.OwnSnapshotsAsync(scene.World);
        var isOff = false;
        try
        {
            var point = (await scene.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!;
            var wanted = await RestoredDigestsAsync(scene, point);
            await server.WriteNoiseAsync(FaultLab.NoiseMebibytes);
            await server.SwitchOffAsync();
            isOff = true;
            var before = await server.DigestsAsync();
            if (name == DisksStandStill) await scene.World.ConfigureImpatientAsync(cluster);
            Expect(await BreakAsync(scene, fault, ["restore", point, "--to", "original"]), fault.Restore);
            if (fault.Restore is not null)
            {
                var safety = Assert.Single(await scene.World.SnapshotNamesAsync(), IsSafety);
                Assert.NotEqual(before, await server.DigestsAsync());
                (await scene.World.SnapshotsAsync("rollback", safety)).Expect(0);
                Assert.Equal(before, await server.DigestsAsync());
                (await scene.World.OnVaultAsync(["restore", point, "--to", "original", .. scene.Options])).Expect(0);
            }
            Assert.Equal(wanted, await server.DigestsAsync());
            await server.StartAgainAsync();
            isOff = false;
            Assert.Contains("ORDER-OK", await server.ConsoleAsync(), StringComparison.Ordinal);
            Assert.Equal("full", (await scene.BackUpAsync()).Expect(0).Last.GetProperty("type").GetString());
            (await scene.World.Vault.RunAsync("verify", "--all-data")).Expect(0);
            Assert.Single((await RealEdge.OwnSnapshotsAsync(scene.World)).Except(others));
        }
        finally
        {
            if (isOff) await server.StartAgainAsync();
            foreach (var one in (await scene.World.SnapshotNamesAsync()).Except(others))
                (await scene.World.ReleaseAsync(one)).Expect(0);
        }

        static bool IsSafety(string snapshot) => snapshot.StartsWith("safety-", StringComparison.Ordinal);
    }

    static async Task<string[]> RestoredDigestsAsync(FaultScene scene, string point)
    {
        List<string> digests = [];
        foreach (var disk in RealEdge.Disks)
        {
            var file = await RealEdge.RestoreDiskAsync(scene.World, point, disk);
            await using (var stream = File.OpenRead(file)) digests.Add(Convert.ToHexStringLower(await SHA256.HashDataAsync(stream)));
            File.Delete(file);
        }
        return [.. digests];
    }

    async Task<Ended> BreakAsync(FaultScene scene, Fault fault, string[] command)
    {
        var isAtWork = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (fault.Prepare is not null) await fault.Prepare(scene);
        if (fault.IsBefore) await fault.Break(scene);
        await using var run = scene.World.Start((_, line) =>
        {
            if (IsAtWork(line)) isAtWork.TrySetResult();
        }, [.. command, .. scene.Options, "--limit-rate", command[0] == "restore" ? SlowestRate : fault.Rate]);
        if (!fault.IsBefore)
        {
            Assert.True(await run.ComesBeforeEndAsync(isAtWork.Task), "it ended before anything could be broken");
            await fault.Break(scene);
            if (fault.Passes) await fault.Mend(scene);
        }
        var ended = await run.WaitAsync();
        output.WriteLine(ended.Errors.Count > 0 ? ended.Errors[^1] : "ended well");
        fault.Happened?.Invoke(scene);
        if (!fault.Passes) await fault.Mend(scene);
        return ended;
    }

    // A spool takes all at once; what is slow is the upload that follows.
    static bool IsAtWork(string line) =>
        line.Contains("\"progress\"", StringComparison.Ordinal) || line.Contains("lies in the spool", StringComparison.Ordinal);

    static void Expect(Ended ended, string? reason)
    {
        if (reason is null)
        {
            ended.Expect(0);
            return;
        }
        ended.Expect(1);
        Assert.Contains(reason, Assert.Single(ended.Errors), StringComparison.Ordinal);
    }

    // The one that has what is read last: whatever was read when it hangs, that was not.
    static async Task ChooseDiskAsync(FaultScene scene)
    {
        scene.Hanging = await scene.Server.DiskOfLastObjectAsync();
        // Ceph's default; the lab's own is longer, for machines that are slow.
        await ConfigureDisksAsync(scene, "set", "osd_heartbeat_grace", "20");
    }

    static Task HangDiskAsync(FaultScene scene) => scene.Lab.SignalAsync(scene.Hanging, "STOP");

    static async Task WakeDiskAsync(FaultScene scene)
    {
        await scene.Lab.SignalAsync(scene.Hanging, "CONT");
        await scene.Lab.MendAsync();    // One that has just woken up does not answer at once.
        await ConfigureDisksAsync(scene, "unset", "osd_heartbeat_grace");
    }

    static async Task ConfigureDisksAsync(FaultScene scene, params string[] change)
    {
        foreach (var disk in s_disks) await scene.Lab.CephAsync(["tell", disk, "config", .. change]);
    }

    static async Task StopDisksAsync(FaultScene scene)
    {
        // Each would take the other for dead when both wake up.
        await scene.Lab.CephAsync("osd", "set", "nodown");
        foreach (var disk in s_disks) await scene.Lab.SignalAsync(disk, "STOP");
    }

    static async Task WakeDisksAsync(FaultScene scene)
    {
        foreach (var disk in s_disks) await scene.Lab.SignalAsync(disk, "CONT");
        await scene.Server.DigestsAsync();  // It waits until all is answered.
        await scene.Lab.CephAsync("osd", "unset", "nodown");
        await scene.Lab.MendAsync();
    }

    // In between, objects would be missing in a bucket that is there: that is damage, and another story.
    static async Task RemoveBucketAsync(FaultScene scene)
    {
        scene.Gateway!.RefuseNext(int.MaxValue);
        await scene.Lab.RadosGatewayAsync("bucket", "rm", $"--bucket={scene.Bucket}", "--purge-objects");
        scene.Gateway.RefuseNext(0);
    }

    static Task Now(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    static Task Nothing(FaultScene scene) => Task.CompletedTask;
}
