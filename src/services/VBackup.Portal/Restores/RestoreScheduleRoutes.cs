using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Restores;

/// <summary><see cref="RestoreCalendar"/> as somebody sends it: what may not be left out may still be missing.</summary>
public sealed record RestoreCalendarRequest(
    [property: Required] LocalTime? LaunchTime, [property: Required] string? Zone, HourlyRule? Hourly, DailyRule? Daily, WeeklyRule? Weekly,
    MonthlyRule? Monthly);

/// <param name="Name">Of the schedule.</param>
/// <param name="Point">What is restored once, at <paramref name="At"/>.</param>
/// <param name="Server">Whose newest point is restored by the <paramref name="Calendar"/>.</param>
/// <param name="NewName">Of the new server or volume; by a calendar, the instant follows it.</param>
public sealed record RestoreScheduleRequest([property: Required] string? Name, RestorePointId? Point, ServerRequest? Server,
    [property: Required] RestoreTarget? Target,
    string? NewName,
    string? Volume, bool? StopsServer, DateTimeOffset? At, RestoreCalendarRequest? Calendar);

/// <param name="NextAt">Null when it is due no more.</param>
/// <param name="LastRun">The last that it started.</param>
/// <param name="LastSkipped">Why it did not start at <paramref name="LastDueAt"/>; null when it did.</param>
public sealed record RestoreScheduleView(RestoreScheduleId Id, string Name, ServerRef Server, string ServerName, RestorePointId? Point,
    RestoreTarget Target, string? NewName, string? Volume, bool StopsServer, DateTimeOffset? At, RestoreCalendar? Calendar, bool IsEnabled,
    DateTimeOffset? NextAt, DateTimeOffset? LastDueAt, RunId? LastRun, string? LastSkipped);

/// <summary>Restores that start by themselves. Who may restore may schedule it.</summary>
static class RestoreScheduleRoutes
{
    /// <summary>Of one project.</summary>
    public const int CountMax = 200;

    static readonly Listing<RestoreSchedule> s_list = new("name",
        [
            new ListOrder<RestoreSchedule, string, RestoreScheduleId>("name", one => one.Name, one => one.Id),
            new ListOrder<RestoreSchedule, RestoreScheduleId, RestoreScheduleId>("createdAt", one => one.Id, one => one.Id),
        ], "server", "enabled");

    public static void Map(RouteGroupBuilder api)
    {
        var schedules = api.MapGroup("/restore-schedules");
        schedules.MapGet("", List).Needs(Permission.ListRestorePoint).Lists(s_list).Produces<Page<RestoreScheduleView>>()
            .WithSummary("List the project's scheduled restores");
        schedules.MapPost("", Create).NeedsAny(Permission.RestoreServer, Permission.RestoreVolume).Creates<RestoreScheduleView>()
            .WithSummary("Schedule a restore: of a point, once; or of a server's newest point to new, by a calendar");
        schedules.MapGet("/{id:guid}", Get).Needs(Permission.GetRestorePoint).Produces<RestoreScheduleView>()
            .WithSummary("Get a scheduled restore");
        Changes(schedules.MapPost("/{id:guid}/enable", Enable)).Produces<RestoreScheduleView>()
            .WithSummary("Let a scheduled restore start again; what was due meanwhile is not made up for");
        Changes(schedules.MapPost("/{id:guid}/disable", Disable)).Produces<RestoreScheduleView>()
            .WithSummary("Keep a scheduled restore from starting");
        Changes(schedules.MapDelete("/{id:guid}", Delete)).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a schedule; what it restored stays");
    }

    static RouteHandlerBuilder Changes(RouteHandlerBuilder route) => route.NeedsAny(Permission.RestoreServer, Permission.RestoreVolume);

    static async Task<IResult> List(HttpContext http, PortalDb db, string? server, string? enabled)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (ofServer, isEnabled) = (filters.Server("server", server), filters.Flag("enabled", enabled));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.RestoreSchedules.AsNoTracking().Where(one => one.Project == project);
        if (ofServer is var (region, id)) rows = rows.Where(one => one.Region == region && one.ServerId == id);
        if (isEnabled is not null) rows = rows.Where(one => one.IsEnabled == isEnabled);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        if (await FindAsync(db, http.Caller().InProject, id, http.RequestAborted).ConfigureAwait(false) is not { } schedule) return NoSuch;
        Versions.Tell(http, schedule.Version);
        return TypedResults.Ok(View(schedule));
    }

    static async Task<IResult> Create(RestoreScheduleRequest request, HttpContext http, ApiChanges changes)
    {
        if ((Input.Text("name", request.Name)
            ?? RestoreStart.FaultOf(request.Target, "newName", request.NewName, request.Volume,
                request.StopsServer)) is { } fault) return fault;
        var wish = new RestoreWish(request.Point, request.Target!.Value, request.NewName, request.Volume, request.StopsServer == true);
        if (RestoreStart.Lacks(http.Caller(), wish.Target) is { } lacks) return lacks;
        if (request.At is null == request.Calendar is null)
            return Problem.Wrong("at", "Give at, for once, or calendar, for again and again.");
        return await changes.CreateAsync(http, request, async change =>
        {
            var project = change.Caller.InProject;
            if (await change.Db.RestoreSchedules.CountAsync(one => one.Project == project, change.Cancellation)
                .ConfigureAwait(false) >= CountMax)
                return new Problem(ProblemCode.LimitReached, $"A project has at most {CountMax} scheduled restores.");
            var (schedule, problem) = request.At is { } at ? await OnceAsync(change, request, wish, at).ConfigureAwait(false)
                : await RepeatedAsync(change, request, wish, request.Calendar!).ConfigureAwait(false);
            if (problem is not null) return problem;
            change.Db.RestoreSchedules.Add(schedule!);
            change.Audit("createRestoreSchedule",
                $"scheduled restore {schedule!.Id} of {schedule.ServerName} to {wish.NewName ?? "the original"}");
            return new Creation.Made($"/api/v1/restore-schedules/{schedule.Id}", View(schedule), Version: schedule.Version);
        }).ConfigureAwait(false);
    }

    static async Task<(RestoreSchedule?, Problem?)> OnceAsync(ApiChange change, RestoreScheduleRequest request, RestoreWish wish,
        DateTimeOffset at)
    {
        if (request.Server is not null) return (null, Problem.Wrong("server", "Once, a point is restored: give point."));
        if (wish.Point is not { } id) return (null, Problem.Wrong("point", "It is needed."));
        // Whoever names an hour that is over means another one; for now there is the restore itself.
        if (at <= change.Now) return (null, Problem.Wrong("at", "It is to come."));
        if (await PointRequests.FindAsync(change.Db, change.Caller.InProject, id, change.Cancellation)
            .ConfigureAwait(false) is not { } point)
            return (null, Problem.Wrong("point", "The project has no such point."));
        if (await RestoreStart.ObstacleAsync(change.Db, point, wish, change.Cancellation).ConfigureAwait(false) is { } obstacle
            && obstacle.Code != ProblemCode.RunGoingOn) return (null, obstacle);
        return (RestoreSchedule.Once(change.NewId<RestoreScheduleId>(), point.Project, request.Name!, point.Server, point.ServerName, wish,
            at), null);
    }

    static async Task<(RestoreSchedule?, Problem?)> RepeatedAsync(
        ApiChange change, RestoreScheduleRequest request, RestoreWish wish, RestoreCalendarRequest sent)
    {
        const int nameMax = Input.NameLengthMax - RestoreSchedule.SuffixLength;
        if (wish.Point is not null)
            return (null, Problem.Wrong("point", "Again and again, a server's newest point is restored: give server."));
        if (request.Server is not { Region: { } region, Id: { } id })
            return (null, Problem.Wrong("server", "Its region and id are needed."));
        if (wish.Target == RestoreTarget.Original)
            return (null, Problem.Wrong("target", "Again and again, one restores to new: newServer or newVolume."));
        if (wish.NewName!.Length > nameMax)
            return (null, Problem.Wrong("newName", $"It has {nameMax} letters at most: the instant follows it."));
        var (calendar, wrong) = Read(sent);
        if (wrong is not null) return (null, wrong);
        var project = change.Caller.InProject;
        // Of a server that is gone the points are there still.
        if (await PlanUse.FindServerAsync(change.Db, project, new(region, id), change.Cancellation).ConfigureAwait(false) is not { } server)
            return (null, Problem.Wrong("server", "The project has no such server."));
        return (RestoreSchedule.Repeated(change.NewId<RestoreScheduleId>(), project, request.Name!, server.Ref, server.Name, wish,
            calendar!, change.Now), null);
    }

    static (RestoreCalendar?, Problem?) Read(RestoreCalendarRequest sent)
    {
        const string field = "calendar";
        if (sent.LaunchTime is not { } launch) return (null, Problem.Wrong($"{field}.launchTime", "It is needed."));
        if (sent.Zone is not { } zone) return (null, Problem.Wrong($"{field}.zone", "It is needed."));
        // The reader asks that they are there, and lets them be null.
        if (sent.Weekly is { Days: null }) return (null, Problem.Wrong($"{field}.weekly.days", "They are needed."));
        if (sent.Monthly is { On: null }) return (null, Problem.Wrong($"{field}.monthly.on", "It is needed."));
        var calendar = new RestoreCalendar(launch, zone, sent.Hourly, sent.Daily, sent.Weekly, sent.Monthly);
        if (calendar.Fault() is not { } fault) return (calendar, null);
        return (null, Problem.Wrong(fault.Field == "policy" ? field : $"{field}.{fault.Field}", fault.Sentence));
    }

    static Task<IResult> Enable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, true, http, changes);

    static Task<IResult> Disable(Guid id, HttpContext http, ApiChanges changes) => SwitchAsync(id, false, http, changes);

    static Task<IResult> SwitchAsync(Guid id, bool isEnabled, HttpContext http, ApiChanges changes) =>
        changes.MakeAsync(http, async change =>
    {
        var (schedule, problem) = await OwnAsync(change, http, id).ConfigureAwait(false);
        if (problem is not null) return problem;
        if (isEnabled) schedule!.Enable(change.Now);
        else schedule!.Disable();
        change.Audit(isEnabled ? "enableRestoreSchedule" : "disableRestoreSchedule",
            $"scheduled restore {schedule.Id} of {schedule.ServerName}");
        Versions.Tell(http, schedule.Version);
        return TypedResults.Ok(View(schedule));
    });

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var (schedule, problem) = await OwnAsync(change, http, id).ConfigureAwait(false);
        if (problem is not null) return problem;
        change.Db.RestoreSchedules.Remove(schedule!);
        change.Audit("deleteRestoreSchedule", $"scheduled restore {schedule!.Id} of {schedule.ServerName}");
        return TypedResults.NoContent();
    });

    /// <summary>One that the caller may change, or why he does not.</summary>
    static async Task<(RestoreSchedule?, Problem?)> OwnAsync(ApiChange change, HttpContext http, Guid id)
    {
        if (await FindAsync(change.Db, change.Caller.InProject, id, change.Cancellation).ConfigureAwait(false) is not { } schedule)
            return (null, NoSuch);
        return (schedule, RestoreStart.Lacks(change.Caller, schedule.Target) ?? Versions.Wanted(http, schedule.Version));
    }

    static async Task<RestoreSchedule?> FindAsync(PortalDb db, ProjectId project, Guid id, CancellationToken cancellation) =>
        await db.RestoreSchedules.FindAsync([RestoreScheduleId.From(id)], cancellation).ConfigureAwait(false) is { } schedule
            && schedule.Project == project
            ? schedule : null;

    static Problem NoSuch => Problem.NoSuch("scheduled restore");

    static RestoreScheduleView View(RestoreSchedule one) =>
        new(one.Id, one.Name, one.Server, one.ServerName, one.Point, one.Target, one.NewName,
        one.Volume, one.StopsServer, one.At, one.Calendar, one.IsEnabled, one.NextAt, one.LastDueAt, one.LastRun, one.LastSkipped);
}
