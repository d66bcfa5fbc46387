using System.Globalization;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Locations;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Runs;

namespace VBackup.Portal.Notifications;

/// <summary>
/// Writes what is to be told, in the transaction of what happened. Whom it is told, the policy of the server's plan says as it is then.
/// </summary>
static class Notices
{
    /// <summary>A run is over: a backup, or another of a server that has a plan.</summary>
    public static async Task RunEndedAsync(Change<PortalDb> change, RunRow run, CancellationToken cancellation)
    {
        if (await PlanOfAsync(change.Db, run.Project, run.Server, cancellation).ConfigureAwait(false) is not { } plan) return;
        var succeeded = run.State == RunState.Succeeded;
        var news = new RunNews(run.Id, run.Kind, run.State, run.Trigger, run.Plan, run.Point, run.Location, run.StartedAt, run.EndedAt,
            run.DoneBytes, run.StoredBytes, run.Notes, run.Error, run.Target);
        var what = RunKindName.Of(run.Kind);
        var summary = succeeded ? $"{what} of {run.ServerName} succeeded"
            : $"{what} of {run.ServerName} {Ending(run.State)}{(run.Error is { } error ? $": {error}" : "")}";
        await TellAsync(change, [plan], succeeded ? NotificationEvent.RunSucceeded : NotificationEvent.RunFailed, summary,
            body => body with { Server = Of(run.Server, run.ServerName), Run = news }, cancellation).ConfigureAwait(false);
    }

    /// <summary>A restore came due, and did not start.</summary>
    public static async Task RestoreSkippedAsync(
        Change<PortalDb> change, ProjectId project, ServerRef server, string serverName, string name, string reason,
            CancellationToken cancellation)
    {
        if (await PlanOfAsync(change.Db, project, server, cancellation).ConfigureAwait(false) is not { } plan) return;
        await TellAsync(change, [plan], NotificationEvent.RestoreSkipped,
            $"The scheduled restore {name} of {serverName} did not start: {reason}",
            body => body with { Server = Of(server, serverName) }, cancellation).ConfigureAwait(false);
    }

    public static Task ServerGoneAsync(Change<PortalDb> change, Plan plan, CancellationToken cancellation) => TellAsync(change, [plan],
        NotificationEvent.ServerGone, $"Server {plan.ServerName} is not there any more: its plan is paused, its points stay",
        body => body with { Server = Of(plan.Server, plan.ServerName) }, cancellation);

    /// <summary>What a location holds is damaged, or could not be looked at.</summary>
    public static async Task LocationDamagedAsync(Change<PortalDb> change, LocationRow location, CancellationToken cancellation)
    {
        var plans = await change.Db.Plans.Where(plan => plan.Project == location.Project && plan.Location == location.Id)
            .ToListAsync(cancellation)
            .ConfigureAwait(false);
        await TellAsync(change, plans, NotificationEvent.LocationDamaged, $"Location {location.Name}: {location.Finding}",
            body => body with { Location = new(location.Id, location.Name, location.Finding) }, cancellation).ConfigureAwait(false);
    }

    /// <summary>Whoever made a webhook wants to see whether it is heard.</summary>
    public static Notification Test(Change<PortalDb> change, Webhook webhook)
    {
        var body = BodyOf(change, webhook.Project, NotificationEvent.Test, $"Test of the webhook {webhook.Name}");
        var notification = new Notification(new(NotificationChannel.Webhook, webhook.Name, webhook.Id), body);
        change.Db.Notifications.Add(notification);
        return notification;
    }

    /// <summary>Each recipient hears it once, however many of the plans name him.</summary>
    static async Task TellAsync(Change<PortalDb> change, List<Plan> plans, NotificationEvent happened, string summary,
        Func<NotificationBody, NotificationBody> about, CancellationToken cancellation)
    {
        HashSet<NotificationTarget> targets = [];
        foreach (var policy in plans.Select(plan => plan.Policy).Distinct())
            if (await change.Db.Policies.FindAsync([policy], cancellation).ConfigureAwait(false) is { Rules.Notification: { } rule })
                await AddTargetsAsync(targets, change.Db, rule, happened, cancellation).ConfigureAwait(false);
        foreach (var target in targets)
            change.Db.Notifications.Add(new(target, about(BodyOf(change, plans[0].Project, happened, OneLine(summary)))));
    }

    static async Task AddTargetsAsync(
        HashSet<NotificationTarget> targets, PortalDb db, NotificationRule rule, NotificationEvent happened, CancellationToken cancellation)
    {
        if (!(happened == NotificationEvent.RunSucceeded ? rule.OnSuccess : rule.OnFailure)) return;
        foreach (var recipient in rule.Recipients ?? []) targets.Add(new(NotificationChannel.Email, recipient, null));
        foreach (var id in rule.Webhooks ?? [])
            if (await db.Webhooks.FindAsync([id], cancellation).ConfigureAwait(false) is { } webhook)
                targets.Add(new(NotificationChannel.Webhook, webhook.Name, webhook.Id));
    }

    static NotificationBody BodyOf(Change<PortalDb> change, ProjectId project, NotificationEvent happened, string summary) =>
        new(NotificationBody.VersionNow, change.NewId<NotificationId>(), happened, change.Now, project, summary, null, null, null);

    static async Task<Plan?> PlanOfAsync(PortalDb db, ProjectId project, ServerRef server, CancellationToken cancellation) =>
        await db.Plans.FirstOrDefaultAsync(plan => plan.Project == project && plan.Region == server.Region && plan.ServerId == server.Id,
            cancellation)
            .ConfigureAwait(false);

    static ServerNews Of(ServerRef server, string name) => new(server.Region, server.Id, name);

    static string Ending(RunState state) => state switch
    {
        RunState.Failed => "failed",
        RunState.Cancelled => "was cancelled",
        RunState.WindowClosed => "ended as its window closed",
        _ => throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"A run that is {state} is not over.")),
    };

    /// <summary>It becomes the subject of a mail, and names come from elsewhere.</summary>
    static string OneLine(string text)
    {
        const int LengthMax = 300;
        var line = string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
        return line.Length <= LengthMax ? line : line[..LengthMax] + "…";
    }
}
