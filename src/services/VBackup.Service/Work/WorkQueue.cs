using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Runs;

namespace VBackup.Service.Work;

/// <summary>How many tasks may be at work at once.</summary>
public sealed record WorkLimits
{
    /// <summary>For how long a worker has a task without a word.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Exports and imports of one hypervisor, those of image files into volumes too.</summary>
    public int PerHost { get; init; } = 4;

    /// <summary>Exports and imports that read or write one pool.</summary>
    public int PerPool { get; init; } = 4;

    /// <summary>Exports into one location; restores from it are not held up.</summary>
    public int PerLocation { get; init; } = 8;

    /// <summary>After a failure that may pass, the first retry waits for this long, and each further one twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>Tasks in the order in which they are due: restores first, then the project that has the fewest at work, then the
/// oldest.</summary>
static class WorkQueue
{
    /// <param name="pools">Of the volumes that it reads or writes.</param>
    public static void Add<TOrder>(
        Change<BackupDb> change, WorkKind kind, Run run, TOrder order, JsonTypeInfo<TOrder> type, IReadOnlyList<string>? pools = null) =>
        change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), kind, run.Project, run.Region, JsonSerializer.Serialize(order, type),
            change.Now)
        {
            Run = run.Id,
            Location = run.Location,
            IsUrgent = run.Kind == RunKind.Restore,
            Pools = pools ?? [],
            Host = kind is WorkKind.Export or WorkKind.Import or WorkKind.ImportImage ? run.Region : null,
        });

    /// <summary>The next task that a worker of a region may have now.</summary>
    public static async Task<WorkTask?> NextAsync(
        BackupDb db, string region, WorkLimits limits, DateTimeOffset now, CancellationToken cancellation)
    {
        var atWork = await db.Tasks.Where(task => task.State == WorkTaskState.Leased)
            .Select(task => new { task.Project, task.Region, task.Location, task.Host, task.Pools, task.Kind }).ToListAsync(cancellation)
                .ConfigureAwait(false);
        var ofProject = atWork.CountBy(task => task.Project).ToDictionary();
        var ofHost = atWork.Where(task => task.Host is not null).CountBy(task => task.Host!).ToDictionary();
        // Two regions may call their pools the same.
        var ofPool = atWork.Where(task => task.Region == region).SelectMany(task => task.Pools).CountBy(pool => pool).ToDictionary();
        var exports = atWork.Where(task => task is { Kind: WorkKind.Export, Location: not null }).CountBy(task => task.Location!.Value)
            .ToDictionary();
        // A restore in place that came too late is not begun by whoever is faster than the clock that ends it.
        var ready = db.Tasks.Where(task => task.State == WorkTaskState.Ready && task.Region == region && task.ReadyAt <= now
                && !db.Runs.Any(run => run.Id == task.Run && run.BeginBy < now && run.Target == RestoreTarget.Original));
        // Tasks that are alike for limits and fairness stand in one queue: only its oldest can be next, and however many wait behind it
        // hide no other queue's.
        var queues = await ready
            .GroupBy(task => new { task.IsUrgent, task.Project, task.Kind, task.Location, task.Host, task.Pools })
            .Select(queue => new { Of = queue.Key, OldestAt = queue.Min(task => task.CreatedAt) })
            .ToListAsync(cancellation).ConfigureAwait(false);
        var first = queues.Where(queue => IsWithinLimits(queue.Of.Kind, queue.Of.Location, queue.Of.Host, queue.Of.Pools))
            .GroupBy(queue => (IsLater: !queue.Of.IsUrgent, AtWork: ofProject.GetValueOrDefault(queue.Of.Project), queue.OldestAt))
            .MinBy(equal => equal.Key);
        if (first is null) return null;
        var oldestAt = first.Key.OldestAt;
        WorkTask? next = null;
        foreach (var queue in first.Select(one => one.Of))
        {
            var oldest = await ready.Where(task => task.IsUrgent == queue.IsUrgent && task.Project == queue.Project
                    && task.Kind == queue.Kind && task.Location == queue.Location && task.Host == queue.Host && task.Pools == queue.Pools
                    && task.CreatedAt == oldestAt)
                .OrderBy(task => task.Id).SkipLocked().FirstOrDefaultAsync(cancellation).ConfigureAwait(false);
            // Somebody is at it, to cancel it: what comes of that is not waited for.
            if (oldest is null) continue;
            if (next is null || oldest.Id.Value.CompareTo(next.Id.Value) < 0) next = oldest;
        }
        return next;

        bool IsWithinLimits(WorkKind kind, LocationId? location, string? host, IReadOnlyList<string> pools) =>
            (host is null || ofHost.GetValueOrDefault(host) < limits.PerHost)
            && pools.All(pool => ofPool.GetValueOrDefault(pool) < limits.PerPool)
            && (kind != WorkKind.Export || location is not { } filled || exports.GetValueOrDefault(filled) < limits.PerLocation);
    }

    /// <summary>What the vault is to call an attempt's session: 32 hex digits.</summary>
    public static string NewSession() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}
