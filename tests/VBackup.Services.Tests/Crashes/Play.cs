using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.Crashes;

/// <summary>What users ask for, one after the other: backups, a restore, and what else the seed says. Each mostly waits for the one before
/// to be over.</summary>
sealed class Play(CrashWorld world)
{
    const int PatienceTurns = 300;

    readonly Queue<Action> _orders = new();
    readonly List<StartBackup> _backups = [];
    readonly List<RunId> _runs = [];
    int _turnsWaited;
    SnapshotId? _rollingBack;

    public IReadOnlyList<StartBackup> Backups => _backups;
    public List<StartRestore> Restores { get; } = [];

    /// <summary>All that were ordered.</summary>
    public IReadOnlyList<RunId> Runs => _runs;

    /// <summary>The point that users last brought back, and those that they deleted for good or to the bin.</summary>
    public Dictionary<RestorePointId, bool> Wanted { get; } = [];

    /// <summary>What was rolled back to last, since the last restore in place was ordered.</summary>
    public SnapshotId? RolledBack { get; private set; }

    /// <summary>Somebody has rolled back, or wanted to: bases may be gone of which nobody told the vBackup service.</summary>
    public bool RollsBack { get; private set; }

    public bool IsOver => _orders.Count == 0 && _rollingBack is null && _runs.TrueForAll(world.Portal.IsOver);

    Random Random => world.Random;

    public void Write()
    {
        _orders.Enqueue(() => BackUp(PointKind.Full));
        _orders.Enqueue(() => BackUp(PointKind.Incremental));
        if (Random.Next(3) == 0) _orders.Enqueue(Delete);
        if (Random.Next(8) > 0) _orders.Enqueue(Restore);
        if (Random.Next(3) == 0) _orders.Enqueue(() => BackUp(PointKind.Incremental));
        if (Random.Next(4) == 0) _orders.Enqueue(Restore);
        var whims = world.Whims;
        if (whims.Next(3) == 0) _orders.Enqueue(Delete);
        if (whims.Next(3) == 0) _orders.Enqueue(() => world.Pass(TimeSpan.FromDays(CrashWorld.BinDays + 1)));
        // Nobody stops a server for it.
        if (!world.RanAtFirst && whims.Next(3) > 0) _orders.Enqueue(RollBack);
        if (whims.Next(4) == 0) _orders.Enqueue(() => BackUp(PointKind.Incremental));
    }

    /// <summary>The next order goes out, if it is time.</summary>
    public void Turn()
    {
        _turnsWaited++;
        if (_runs.Count > 0 && !world.Portal.IsOver(_runs[^1]) && Random.Next(300) == 0)
            world.Portal.Order(new CancelRun(_runs[^1], world.Project), MessageJson.Default.CancelRun);
        BringBack();
        if (_rollingBack is { } id && world.Portal.Snapshots.First(one => one.Snapshot == id) is { IsRollingBack: false } now
            && (now.RolledBackAt is not null || now.Error is not null)) _rollingBack = null;
        if (_orders.Count == 0 || _rollingBack is not null) return;
        if (!_runs.TrueForAll(world.Portal.IsOver) && Random.Next(PatienceTurns) > 0 && _turnsWaited < PatienceTurns) return;
        _turnsWaited = 0;
        _orders.Dequeue()();
    }

    void BackUp(PointKind kind)
    {
        var order = new StartBackup(world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(), world.Project,
            world.Ids.New<PlanId>(), world.ServerRef, CrashWorld.Server, world.Location, null, RunTrigger.Policy, kind, ["daily"],
            world.Clock.GetUtcNow(), null);
        _backups.Add(order);
        _runs.Add(order.Run);
        world.Portal.Order(order, MessageJson.Default.StartBackup);
    }

    void Restore()
    {
        var known = _backups.Where(one => world.Portal.Point(one.Point)?.State == RestorePointState.Active).ToList();
        if (known.Count == 0) return;
        var point = known[Random.Next(known.Count)].Point;
        var name = $"new-{Restores.Count}";
        Order(Random.Next(6) switch
        {
            0 => Of(point, RestoreTarget.NewServer, name),
            1 => Of(point, RestoreTarget.NewVolume, name) with { Volume = CrashWorld.Disks[Random.Next(CrashWorld.Disks.Count)] },
            _ => Of(point, RestoreTarget.Original, null) with { StopsServer = Random.Next(6) > 0 },
        });
    }

    public StartRestore Of(RestorePointId point, RestoreTarget target, string? name) =>
        new(world.Ids.New<RunId>(), world.Project, point, target, name, null, false, RunTrigger.Manual);

    public void Order(StartRestore order)
    {
        Restores.Add(order);
        if (order.Target == RestoreTarget.Original) RolledBack = null;
        _runs.Add(order.Run);
        world.Portal.Order(order, MessageJson.Default.StartRestore);
    }

    void Delete()
    {
        var known = _backups.Where(one => world.Portal.Point(one.Point)?.State == RestorePointState.Active).ToList();
        if (known.Count == 0) return;
        var point = known[Random.Next(known.Count)].Point;
        // It was brought back: users cannot delete it before.
        if (world.Portal.Point(point)!.IsProtected)
        {
            world.Portal.Order(new ProtectPoint(point, world.Project, IsProtected: false), MessageJson.Default.ProtectPoint);
            return;
        }
        Wanted[point] = false;
        world.Portal.Order(new DeletePoint(point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
    }

    // To one that a backup was made of. It waits for all that goes on, and all waits for it.
    void RollBack()
    {
        var known = world.Portal.Snapshots.Where(one => one is { State: SnapshotState.Base, Error: null, RolledBackAt: null }).ToList();
        if (known.Count == 0 || !_runs.TrueForAll(world.Portal.IsOver)) return;
        _rollingBack = RolledBack = known[world.Whims.Next(known.Count)].Snapshot;
        RollsBack = true;
        world.Portal.Order(new RollBackSnapshot(_rollingBack.Value, world.Project, null), MessageJson.Default.RollBackSnapshot,
            Destination.Snapshots(CrashWorld.Region));
    }

    /// <summary>Somebody who sees that a restore's worker died may not want it any more.</summary>
    public void SeeDeath(Holding? held)
    {
        if (held is { Kind: WorkKind.Import } && _runs.Count > 0 && !world.Portal.IsOver(_runs[^1]) && world.Whims.Next(2) == 0)
            world.Portal.Order(new CancelRun(_runs[^1], world.Project), MessageJson.Default.CancelRun);
    }

    // Only when the Portal knows that it is in the bin, as users can.
    void BringBack()
    {
        foreach (var (point, isWanted) in Wanted)
        {
            if (isWanted || world.Portal.Point(point)?.State != RestorePointState.SoftDeleted || Random.Next(40) > 0) continue;
            Wanted[point] = true;
            world.Portal.Order(new UndeletePoint(point, world.Project), MessageJson.Default.UndeletePoint);
            return;
        }
    }
}
