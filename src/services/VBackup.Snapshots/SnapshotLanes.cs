using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Snapshots;

/// <summary>
/// Which step is next, when several are done at once. Those of one server come one after the other, as they are due, and so do those of
/// different servers that have a volume in common. Roll backs, which may take hours, never have all lanes. Thread-safe.
/// </summary>
/// <remarks>Who is at what is in no row: one process of a region does the steps, and whoever comes after it begins with none.</remarks>
sealed class SnapshotLanes(ChangeMaker<SnapshotsDb> changes, int rollBacksMax)
{
    const int PageSize = 100;

    readonly Lock _lock = new();
    readonly HashSet<Lane> _taken = [];

    /// <summary>One step that is being done.</summary>
    public sealed record Lane(SnapshotId Snapshot, SnapshotStep Step, string ServerId, IReadOnlyList<string> Volumes)
    {
        public bool RollsBack => Step == SnapshotStep.RollBack;
    }

    /// <summary>Takes a lane for the first step that is due and in nobody's way.</summary>
    /// <returns>The caller's, to be left whatever comes of the step; null when there is nothing to do now. Somebody else may just have done
    /// it.</returns>
    public async Task<Lane?> EnterAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var taken = Taken();
            if (await changes.MakeAsync(change => FindAsync(change, taken, cancellation), cancellation)
                .ConfigureAwait(false) is not { } lane) return null;
            lock (_lock)
            {
                if (_taken.All(other => other.ServerId != lane.ServerId && !other.Volumes.Intersect(lane.Volumes).Any())
                    && (!lane.RollsBack || _taken.Count(other => other.RollsBack) < rollBacksMax))
                {
                    _taken.Add(lane);
                    return lane;
                }
            }
            // Somebody was faster: there may be something else.
        }
    }

    public void Leave(Lane lane)
    {
        lock (_lock) _taken.Remove(lane);
    }

    List<Lane> Taken()
    {
        lock (_lock) return [.. _taken];
    }

    async Task<Lane?> FindAsync(Change<SnapshotsDb> change, List<Lane> taken, CancellationToken cancellation)
    {
        var (now, db) = (change.Now, change.Db);
        var servers = taken.Select(lane => lane.ServerId).ToList();
        var volumes = taken.SelectMany(lane => lane.Volumes).ToHashSet();
        var due = db.Snapshots.Where(one => one.Next != SnapshotStep.None && one.DueAt <= now && !servers.Contains(one.ServerId));
        // What comes behind a roll back of its server waits with it.
        if (taken.Count(lane => lane.RollsBack) >= rollBacksMax)
            due = due.Where(one => !db.Snapshots.Any(before => before.ServerId == one.ServerId && before.Next == SnapshotStep.RollBack
                && before.DueAt <= one.DueAt));
        var ordered = due.OrderBy(one => one.DueAt).ThenBy(one => one.Id)
            .Select(one => new { one.Id, one.ServerId, one.Next, one.Disks });
        HashSet<string> waiting = [];
        for (var seen = 0; ; seen += PageSize)
        {
            var page = await ordered.Skip(seen).Take(PageSize).ToListAsync(cancellation).ConfigureAwait(false);
            foreach (var one in page)
            {
                if (waiting.Contains(one.ServerId)) continue;
                if (one.Disks.Any(disk => volumes.Contains(disk.Volume))) waiting.Add(one.ServerId);
                else
                    return new(one.Id, one.Next, one.ServerId, [.. one.Disks.Select(disk => disk.Volume)]);
            }
            if (page.Count < PageSize) return null;
        }
    }
}
