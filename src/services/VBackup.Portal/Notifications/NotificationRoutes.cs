using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Notifications;

/// <param name="Recipient">An e-mail address, or the webhook's name.</param>
/// <param name="NextAttemptAt">Null when nobody tries any more.</param>
/// <param name="LastError">Why the last attempt failed; null when it did not.</param>
public sealed record NotificationView(
    NotificationId Id, NotificationEvent Event, NotificationChannel Channel, string Recipient, WebhookId? Webhook, string Summary,
        NotificationState State,
    int Attempts, DateTimeOffset CreatedAt, DateTimeOffset? LastAttemptAt, DateTimeOffset? NextAttemptAt, string? LastError);

/// <summary>What the project's people and webhooks were told, or are to be told.</summary>
static class NotificationRoutes
{
    // Ids sort by the time at which they were made.
    static readonly Listing<Notification> s_list = new("-createdAt",
        [new ListOrder<Notification, NotificationId, NotificationId>("createdAt", one => one.Id, one => one.Id)],
        "state", "event", "channel", "recipient", "webhook");

    public static void Map(RouteGroupBuilder api)
    {
        var notifications = api.MapGroup("/notifications");
        notifications.MapGet("", List).Needs(Permission.ListHistory).Lists(s_list).Produces<Page<NotificationView>>()
            .WithSummary("List what was told, or is to be told, in the last 30 days");
        notifications.MapGet("/{id:guid}", Get).Needs(Permission.GetHistory).Produces<NotificationView>().WithSummary("Get a notification");
    }

    static async Task<IResult> List(
        HttpContext http, PortalDb db, string? state, string? @event, string? channel, string? recipient, string? webhook)
    {
        var project = http.Caller().InProject;
        var filters = new ListFilters();
        var (inState, happened) = (filters.OneOf<NotificationState>("state", state), filters.OneOf<NotificationEvent>("event", @event));
        var (by, toWebhook) = (filters.OneOf<NotificationChannel>("channel", channel), filters.Id<WebhookId>("webhook", webhook));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Notifications.AsNoTracking().Where(one => one.Project == project
            && (recipient == null || one.Recipient == recipient));
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        if (happened is not null) rows = rows.Where(one => one.Event == happened);
        if (by is not null) rows = rows.Where(one => one.Channel == by);
        if (toWebhook is not null) rows = rows.Where(one => one.Webhook == toWebhook);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        var (project, wanted) = (http.Caller().InProject, NotificationId.From(id));
        return await db.Notifications.AsNoTracking().SingleOrDefaultAsync(one => one.Id == wanted && one.Project == project,
            http.RequestAborted)
            .ConfigureAwait(false) is { } notification ? TypedResults.Ok(View(notification)) : Problem.NoSuch("notification");
    }

    static NotificationView View(Notification one) => new(one.Id, one.Event, one.Channel, one.Recipient, one.Webhook, one.Summary,
        one.State,
        one.Attempts, one.CreatedAt, one.LastAttemptAt, one.NextAttemptAt, one.LastError);
}
