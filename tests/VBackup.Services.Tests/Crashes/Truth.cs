using Microsoft.EntityFrameworkCore;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Service.Points;
using VBackup.Service.Runs;
using VBackup.Snapshots;

namespace VBackup.Services.Tests.Crashes;

/// <summary>What must hold when all is at rest, whatever went wrong before.</summary>
sealed class Truth(CrashWorld world, Play play)
{
    List<Run> _runs = [];
    List<RestorePoint> _points = [];
    List<Snapshot> _snapshots = [];

    /// <param name="isCollected">The vault's garbage was collected since: until then it may have what came too late.</param>
    public async Task CheckAsync(bool isCollected)
    {
        await ReadAsync();
        CheckRuns();
        await CheckSnapshotsAsync();
        await CheckServerAsync();
        CheckPoints(isCollected);
        CheckInPlace();
        foreach (var restore in play.Restores.Where(one => one.Target != RestoreTarget.Original)) await CheckNewAsync(restore);
    }

    /// <summary>Points that can be restored.</summary>
    public IReadOnlyList<RestorePointId> Restorable =>
        [.. _points.Where(one => one.State == RestorePointState.Active).Select(one => one.Id)];

    async Task ReadAsync()
    {
        (_runs, _points, var dead) = await world.Backup.Changes.MakeAsync(async change => (
            await change.Db.Runs.AsNoTracking().ToListAsync(), await change.Db.Points.AsNoTracking().ToListAsync(),
            await change.Db.Outbox.FirstOrDefaultAsync(one => one.IsDead)), default);
        (_snapshots, var alsoDead) = await world.Snapshots.Changes.MakeAsync(async change => (
            await change.Db.Snapshots.AsNoTracking().ToListAsync(),
            await change.Db.Outbox.FirstOrDefaultAsync(one => one.IsDead)), default);
        Require((dead ?? alsoDead) is null, $"{(dead ?? alsoDead)?.Name} was given up: {(dead ?? alsoDead)?.LastError}");
    }

    void CheckRuns()
    {
        foreach (var ordered in play.Runs) Require(_runs.Exists(run => run.Id == ordered), "an order made no run");
        foreach (var run in _runs)
        {
            Require(run.IsOver && run.ReservedBytes == 0, $"a {run.Kind} is {run.State}, with {run.ReservedBytes} bytes reserved");
            Require(world.Portal.Run(run.Id) is { } heard
                && (heard.Version, heard.State, heard.Error) == (run.Version, run.State, run.Error),
                $"the Portal has not heard that a {run.Kind} is {run.State}");
        }
    }

    // Each has a row that should have it, and each row has what it says.
    async Task CheckSnapshotsAsync()
    {
        var there = _snapshots.Where(one => one.State is SnapshotState.Ready or SnapshotState.Base).ToList();
        foreach (var name in world.Instants.OnStorage)
            Require(there.Exists(one => one.Instant == name), $"{name} is on the storage, and nobody needs it");
        foreach (var one in there)
        {
            Require(world.Instants.OnStorage.Contains(one.Instant) && world.Instants.IsWhole(one.Instant),
                $"{one.Instant} is not on the storage");
            if (one.Purpose != SnapshotPurpose.Backup) continue;
            Require(one.State == SnapshotState.Base && _points.Exists(point => point.BaseSnapshot == one.Id
                && point.State is RestorePointState.Active or RestorePointState.SoftDeleted),
                $"{one.Instant} is {one.State}, and no point's base");
        }
        foreach (var point in _points)
            if (point.BaseSnapshot is { } id && !play.RollsBack)
                Require(there.Exists(one => one.Id == id && one.State == SnapshotState.Base),
                    $"a point that is {point.State} counts on a base that is gone");
        var held = await world.Snapshots.Changes.MakeAsync(
            change => change.Db.HeldVolumes.Select(one => one.Snapshot).Distinct().ToListAsync(), default);
        foreach (var id in held) Require(there.Exists(one => one.Id == id), "a snapshot that is gone counts for the caps");
    }

    async Task CheckServerAsync()
    {
        Require(!world.Guest.IsFrozen, "the guest is frozen");
        world.Guest.RequireUndisturbed();
        var server = await world.Lab.Hypervisor.FindAsync(CrashWorld.Server, default);
        var isTold = _runs.Exists(run => run is { Target: RestoreTarget.Original, State: not RunState.Succeeded }
            && (run.Error!.Contains("stopped for it", StringComparison.Ordinal)));
        Require(server!.State == ServerState.Running == world.RanAtFirst || world.RanAtFirst && isTold,
            $"the server is {server.State}, where it was {(world.RanAtFirst ? "running" : "shut down")} at first");
    }

    void CheckPoints(bool isCollected)
    {
        foreach (var backup in play.Backups)
        {
            var point = _points.Single(one => one.Id == backup.Point);
            var run = _runs.Single(one => one.Id == backup.Run);
            var isKept = point.State is RestorePointState.Active or RestorePointState.SoftDeleted;
            Require(isKept || point.State == RestorePointState.Deleted ? run.State == RunState.Succeeded
                : point.State == RestorePointState.Failed && run.State > RunState.Succeeded,
                $"a point is {point.State}, and its run {run.State}");
            // Of its base it is not told.
            Require(world.Portal.Point(point.Id) is { } heard && (heard.State, heard.VaultPoint) == (point.State, point.VaultPoint),
                $"the Portal has not heard that a point is {point.State}");
            if (isKept && point.Consistency == "filesystem")
                Require(InstantOf(point).WasFrozen, "a point passes for one of a frozen guest, which was not frozen");
            if (play.Wanted.TryGetValue(point.Id, out var isWanted))
                Require(point.State == RestorePointState.Deleted ? !world.HasBin || point.PurgeAt <= world.Clock.GetUtcNow()
                    : point.State == (isWanted ? RestorePointState.Active : RestorePointState.SoftDeleted),
                    $"a point is {point.State}, which a user {(isWanted ? "brought back" : "deleted")} last");
        }
        foreach (var gone in _points.Where(one => one.State == RestorePointState.Deleted))
            Require(!world.VaultPoints.Contains(gone.VaultPoint!), $"the vault has the point {gone.VaultPoint}, which was deleted");
        var kept = _points.Where(one => one.State != RestorePointState.Deleted).Select(one => one.VaultPoint).OfType<string>().ToHashSet();
        // Where there never was a point, nothing is collected.
        foreach (var name in isCollected && kept.Count > 0 ? world.VaultPoints : [])
            Require(kept.Contains(name), $"the vault has a point {name}, and nobody knows of it");
        foreach (var name in kept) Require(world.VaultPoints.Contains(name), $"the vault has no point {name} any more");
    }

    KnownInstant InstantOf(RestorePoint point) =>
        world.Instants[_snapshots.Single(one => one.Id == SnapshotId.From(point.Run.Value)).Instant];

    // What the last one that went well has written is what the server was started with, or still has.
    void CheckInPlace()
    {
        if (play.RolledBack is { } id)
        {
            var snapshot = _snapshots.Single(one => one.Id == id);
            if (snapshot.RolledBackAt is null) return;
            foreach (var (volume, content) in world.Instants[snapshot.Instant].Contents)
                Require(world.Guest.Contents()[volume].AsSpan().SequenceEqual(content),
                    $"{volume} was rolled back, and holds something else");
            return;
        }
        if (play.Restores.LastOrDefault(one => one.Target == RestoreTarget.Original) is not { } last) return;
        var run = _runs.Single(one => one.Id == last.Run);
        if (run.State != RunState.Succeeded) return;
        foreach (var (volume, content) in InstantOf(_points.Single(one => one.Id == last.Point)).Contents)
            Require((run.ServerRan ? world.Guest.Started! : world.Guest.Contents())[volume].AsSpan().SequenceEqual(content),
                $"{volume} was restored in place, and holds something else");
        foreach (var volume in CrashWorld.Volumes)
            Require(!File.Exists(Path.ChangeExtension(world.VolumePath(volume), ".restoring")),
                $"{volume} was restored, and passes for half written");
    }

    async Task CheckNewAsync(StartRestore restore)
    {
        var run = _runs.Single(one => one.Id == restore.Run);
        var contents = InstantOf(_points.Single(one => one.Id == restore.Point)).Contents;
        var isServer = restore.Target == RestoreTarget.NewServer;
        var server = await world.Lab.Hypervisor.FindAsync(restore.NewName!, default);
        List<(VolumeId Volume, byte[] Content)> made = [.. CrashWorld.Disks.Where(disk => isServer || disk == restore.Volume)
            .Select(disk => (new VolumeId(isServer ? $"{restore.NewName}-{disk}" : restore.NewName!),
                contents[$"{CrashWorld.Server}-{disk}"]))];
        if (run.State == RunState.Succeeded)
        {
            Require(server is { State: ServerState.Shutdown } == isServer, "a restore made no server");
            foreach (var (volume, content) in made)
                Require((await File.ReadAllBytesAsync(world.VolumePath(volume.Value))).AsSpan().SequenceEqual(content),
                    $"{volume} holds something else");
            return;
        }
        // Whoever died or slept between making a volume and taking it over leaves one of which nobody knows whose it is.
        if (run.Error!.Contains("half made", StringComparison.Ordinal)) return;
        Require(server is null, $"a restore that is {run.State} left a server, and does not say so: {run.Error}");
        foreach (var (volume, _) in made)
            Require(await world.Lab.Storage.FindLengthAsync(volume, default) is null,
                $"a restore that is {run.State} left {volume}, and does not say so: {run.Error}");
    }

    static void Require(bool holds, string otherwise)
    {
        if (!holds) throw new SimulationFailure(otherwise);
    }
}
