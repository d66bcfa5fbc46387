using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Runs;

namespace VBackup.Service.Work;

/// <summary>Runs whose work nobody does, because no worker of their region is there: they say so, and those that were to begin by a time
/// end when it is over. One whose tasks only wait for their turn waits in peace.</summary>
static class WorkerAbsence
{
    const int BatchMax = 200;

    public static async Task TellAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var (db, before) = (change.Db, change.Now - Clockwork.WorkerPatience);
        var ready = db.Tasks.Where(task => task.State == WorkTaskState.Ready && task.ReadyAt <= before && task.Run != null);
        foreach (var region in await ready.Select(task => task.Region).Distinct().ToListAsync(cancellation).ConfigureAwait(false))
        {
            if (await IsThereAsync(change, region, cancellation).ConfigureAwait(false)) continue;
            var waiting = await ready.Where(task => task.Region == region && db.Runs.Any(run => run.Id == task.Run
                    && run.State < RunState.Succeeded && run.WaitsForWorkerSince == null))
                .OrderBy(task => task.ReadyAt).Select(task => new { task.Run, task.ReadyAt }).Take(BatchMax).ToListAsync(cancellation)
                .ConfigureAwait(false);
            foreach (var one in waiting)
                if (await db.Runs.FindAsync([one.Run], cancellation).ConfigureAwait(false) is { } run && run.WaitsForWorker(one.ReadyAt))
                    BackupRuns.Tell(change, run, null);
        }
        foreach (var told in (await db.Runs.Where(run => run.WaitsForWorkerSince != null).Take(BatchMax).ToListAsync(cancellation)
            .ConfigureAwait(false)).GroupBy(run => run.Region))
        {
            if (!await IsThereAsync(change, told.Key, cancellation).ConfigureAwait(false)) continue;
            foreach (var run in told)
                if (run.WaitsForWorker(null)) BackupRuns.Tell(change, run, null);
        }
    }

    /// <summary>Those that nobody has begun in time. An instant that was taken in time stands for a backup's beginning as long as
    /// somebody will read it; a server that a restore writes to has gone on meanwhile, whoever is there.</summary>
    public static Task<List<RunId>> FindLateAsync(Change<BackupDb> change, CancellationToken cancellation) =>
        Late(change).Select(run => run.Id).Take(BatchMax).ToListAsync(cancellation);

    /// <summary>Ends one of them, unless a worker has begun it meanwhile.</summary>
    public static async Task GiveUpAsync(Change<BackupDb> change, RunId id, CancellationToken cancellation)
    {
        if (await Late(change).FirstOrDefaultAsync(run => run.Id == id, cancellation).ConfigureAwait(false) is { } run)
            await Ending.StopAsync(change, run, run.Kind == RunKind.Backup ? RunState.WindowClosed : RunState.Failed,
                $"no worker of the region {run.Region} began it by {run.BeginBy:u}", cancellation).ConfigureAwait(false);
    }

    static IQueryable<Run> Late(Change<BackupDb> change)
    {
        var now = change.Now;
        return change.Db.Runs.Where(run => run.State < RunState.Succeeded && run.EndsAs == null && run.BeginBy < now
            && (run.WaitsForWorkerSince != null || run.Target == RestoreTarget.Original));
    }

    /// <summary>Ends restores that were given up, and of which nothing is left but to start the server that was stopped for them: whoever
    /// waits for them hears that it is off. The task stays: a worker that comes starts it all the same.</summary>
    public static async Task EndGivenUpAsync(Change<BackupDb> change, CancellationToken cancellation)
    {
        var db = change.Db;
        var givenUp = await db.Runs.Where(run => run.State < RunState.Succeeded && run.EndsAs != null && run.Restored == null
                && run.WaitsForWorkerSince != null && db.Tasks.Any(task => task.Run == run.Id && task.Kind == WorkKind.StartServer
                    && task.State == WorkTaskState.Ready))
            .Take(BatchMax).ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var region in givenUp.GroupBy(run => run.Region))
        {
            if (await IsThereAsync(change, region.Key, cancellation).ConfigureAwait(false)) continue;
            foreach (var run in region)
                RestoreRuns.IsNotStarted(run, $"no worker of the region {run.Region} is there; the next one that comes starts it", change);
        }
    }

    // Who is busy with all that he may do asks for no more, and keeps his leases.
    static async Task<bool> IsThereAsync(Change<BackupDb> change, string region, CancellationToken cancellation)
    {
        var (now, before) = (change.Now, change.Now - Clockwork.WorkerPatience);
        return await change.Db.Workers.AnyAsync(one => one.Region == region && !one.IsRevoked && !one.IsDraining && one.SeenAt >= before,
                cancellation)
                .ConfigureAwait(false)
            || await change.Db.Tasks.AnyAsync(task => task.Region == region && task.State == WorkTaskState.Leased && task.LeaseUntil >= now,
                cancellation).ConfigureAwait(false);
    }
}
