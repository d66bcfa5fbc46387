using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Restores;

/// <summary>Starts scheduled restores. Any number of replicas may do it: whoever is second finds the schedule changed, and nothing
/// due.</summary>
public sealed class RestoreClockwork(ChangeMaker<PortalDb> changes)
{
    const int BatchMax = 100;

    /// <exception cref="AggregateException">Some of them failed, and are tried again with the next turn. All others were done.</exception>
    public async Task TurnAsync(CancellationToken cancellation)
    {
        var turn = new Turn<PortalDb>(changes, cancellation);
        await turn.DoEachAsync("starting the scheduled restore", change => change.Db.RestoreSchedules
            .Where(one => one.IsEnabled && one.NextAt <= change.Now)
            .OrderBy(one => one.NextAt).Select(one => one.Id).Take(BatchMax).ToListAsync(cancellation),
            (change, id) => StartAsync(change, id, cancellation)).ConfigureAwait(false);
        turn.End();
    }

    static async Task StartAsync(Change<PortalDb> change, RestoreScheduleId id, CancellationToken cancellation)
    {
        if (await change.Db.RestoreSchedules.FindAsync([id], cancellation).ConfigureAwait(false) is not { } schedule
            || !schedule.IsDue(change.Now)) return;
        var isBusy = await IsBusyAsync(change, schedule, cancellation).ConfigureAwait(false);
        if (schedule.TakesDue(change.Now) is not { } due) return;
        var wish = new RestoreWish(schedule.Point, schedule.Target, schedule.NameAt(due), schedule.Volume, schedule.StopsServer);
        var point = await PointOfAsync(change.Db, schedule, cancellation).ConfigureAwait(false);
        var reason = isBusy ? "the restore before is still going on"
            : point is null ? schedule.Point is null ? "the server has no point" : "the point is not there any more"
            : schedule.Target == RestoreTarget.Original && change.Now - due > RestoreSchedule.LatenessInPlaceMax
                ? "it could not start in time, and the server has gone on meanwhile"
            : (await RestoreStart.ObstacleAsync(change.Db, point, wish, cancellation).ConfigureAwait(false))?.Detail;
        if (reason is null)
        {
            schedule.Started(RestoreStart.Ask(change, point!, wish, RunTrigger.Schedule));
            return;
        }
        schedule.WasSkipped(reason);
        await Notices.RestoreSkippedAsync(change, schedule.Project, schedule.Server, schedule.ServerName, schedule.Name, reason,
            cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Whether the run before goes on. One that the vBackup service has said nothing of for long never began, and must not hold up
    /// all that follow.</summary>
    static async Task<bool> IsBusyAsync(Change<PortalDb> change, RestoreSchedule schedule, CancellationToken cancellation)
    {
        if (schedule.LastRun is not { } last || await change.Db.Runs.FindAsync([last], cancellation)
            .ConfigureAwait(false) is not { IsOver: false } run)
            return false;
        if (run.Version > 0 || change.Now - schedule.LastDueAt < PlanClockwork.AnswerPatience) return true;
        run.NeverBegan(PlanClockwork.NeverAnswered, change.Now);
        await Notices.RunEndedAsync(change, run, cancellation).ConfigureAwait(false);
        return false;
    }

    static async Task<PointRow?> PointOfAsync(PortalDb db, RestoreSchedule schedule, CancellationToken cancellation)
    {
        if (schedule.Point is { } id) return await db.Points.FindAsync([id], cancellation).ConfigureAwait(false);
        return await db.Points.Where(one => one.Project == schedule.Project && one.Region == schedule.Region
            && one.ServerId == schedule.ServerId
                && one.State == RestorePointState.Active && one.DeletedAt == null)
            .OrderByDescending(one => one.TakenAt).FirstOrDefaultAsync(cancellation).ConfigureAwait(false);
    }
}
