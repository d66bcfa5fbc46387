using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Service.Work;

/// <summary>Workers are enrolled once, and known from then on.</summary>
public static class Workers
{
    /// <summary>Enrols a worker of this process, unless that was done.</summary>
    public static Task<WorkerId> EnsureAsync(ChangeMaker<BackupDb> changes, string region, string name, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var known = await change.Db.Workers.FirstOrDefaultAsync(worker => worker.Region == region && worker.Name == name, cancellation)
                .ConfigureAwait(false);
            if (known is not null) return known.Id;
            var worker = new Worker(change.NewId<WorkerId>(), region, name);
            change.Db.Workers.Add(worker);
            return worker.Id;
        }, cancellation);

    /// <summary>The process that a worker was is over: what it had is lost now, and not only when its leases run out. REQUIRES: it is over
    /// for certain, and writes nothing any more.</summary>
    public static Task StartAnewAsync(ChangeMaker<BackupDb> changes, WorkerId worker, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            var had = await change.Db.Tasks.Where(task => task.State == WorkTaskState.Leased && task.Worker == worker)
                .ToListAsync(cancellation).ConfigureAwait(false);
            foreach (var task in had) await TaskResults.LostAsync(task, change, cancellation).ConfigureAwait(false);
        }, cancellation);
}
