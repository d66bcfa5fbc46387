using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Notifications;

public sealed record WebhookRequest([property: Required] string? Name, [property: Required] string? Url);

/// <param name="HasSecret">False of one of a lost system: nothing is sent to it until it has another.</param>
public sealed record WebhookView(WebhookId Id, string Name, string Url, DateTimeOffset CreatedAt, bool HasSecret);

/// <param name="Secret">By which the receiver knows what is from here. Told once; null when the answer is given again.</param>
public sealed record NewWebhookView(WebhookId Id, string Name, string Url, DateTimeOffset CreatedAt, string? Secret)
{
    // It may end in a log, and the secret must not.
    public override string ToString() => $"webhook {Name}";
}

/// <param name="Notification">What to look at.</param>
public sealed record TestedWebhook(NotificationId Notification);

/// <summary>A project's webhooks. Policies name those that they tell; so who may change policies may change these.</summary>
static class WebhookRoutes
{
    /// <summary>Of one project.</summary>
    public const int CountMax = 50;
    const int NamesShown = 5;

    static readonly Listing<Webhook> s_list = new("name",
        [
            new ListOrder<Webhook, string, WebhookId>("name", one => one.Name, one => one.Id),
            new ListOrder<Webhook, WebhookId, WebhookId>("createdAt", one => one.Id, one => one.Id),
        ], "name");

    public static void Map(RouteGroupBuilder api)
    {
        var webhooks = api.MapGroup("/webhooks");
        webhooks.MapGet("", List).Needs(Permission.ListPolicy).Lists(s_list).Produces<Page<WebhookView>>()
            .WithSummary("List the project's webhooks");
        webhooks.MapPost("", Create).Needs(Permission.CreatePolicy).Creates<NewWebhookView>()
            .WithSummary("Make a webhook that policies may tell; its secret is told once");
        webhooks.MapGet("/{id:guid}", Get).Needs(Permission.GetPolicy).Produces<WebhookView>().WithSummary("Get a webhook");
        webhooks.MapDelete("/{id:guid}", Delete).Needs(Permission.DeletePolicy).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a webhook that no policy names");
        webhooks.MapPost("/{id:guid}/secret", Renew).Needs(Permission.UpdatePolicy).Creates<NewWebhookView>()
            .WithSummary("Give a webhook a new secret in place of the one before; it is told once");
        webhooks.MapPost("/{id:guid}/test", Test).Needs(Permission.UpdatePolicy).Starts<TestedWebhook>()
            .WithSummary("Send a webhook a test; what came of it is under notifications");
    }

    static Task<IResult> List(HttpContext http, PortalDb db, string? name)
    {
        var project = http.Caller().InProject;
        return s_list.AnswerAsync(http, db.Webhooks.AsNoTracking().Where(one => one.Project == project
            && (name == null || one.Name == name)), View);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db) =>
        await FindAsync(db, http.Caller().InProject, WebhookId.From(id), http.RequestAborted).ConfigureAwait(false) is { } webhook
            ? TypedResults.Ok(View(webhook)) : Problem.NoSuch("webhook");

    static async Task<IResult> Create(WebhookRequest request, HttpContext http, ApiChanges changes, WebhookSecrets secrets,
        WebhookSettings settings)
    {
        if (Input.Name("name", request.Name) is { } wrong) return wrong;
        if (WebhookAddresses.FaultOf(request.Url, settings) is { } fault) return Problem.Wrong("url", fault);
        return await changes.CreateAsync(http, request, async change =>
        {
            var project = change.Caller.InProject;
            var names = await change.Db.Webhooks.Where(one => one.Project == project).Select(one => one.Name)
                .ToListAsync(change.Cancellation)
                .ConfigureAwait(false);
            if (names.Contains(request.Name!)) return Problem.Taken("webhook", request.Name!);
            if (names.Count >= CountMax) return new Problem(ProblemCode.LimitReached, $"A project has at most {CountMax} webhooks.");
            var id = change.NewId<WebhookId>();
            var (secret, wrapped) = secrets.New(id);
            var webhook = new Webhook(id, project, request.Name!, request.Url!, wrapped, change.Now);
            change.Db.Webhooks.Add(webhook);
            change.Audit("createWebhook", $"webhook {webhook.Name} at {new Uri(webhook.Url).Host}");
            var view = new NewWebhookView(id, webhook.Name, webhook.Url, webhook.CreatedAt, secret);
            return new Creation.Made($"/api/v1/webhooks/{id}", view, view with { Secret = null });
        }).ConfigureAwait(false);
    }

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var (project, wanted) = (change.Caller.InProject, WebhookId.From(id));
        if (await FindAsync(change.Db, project, wanted, change.Cancellation).ConfigureAwait(false) is not { } webhook)
            return Problem.NoSuch("webhook");
        // Policies are kept as JSON, and a project has few.
        var users = (await change.Db.Policies.AsNoTracking().Where(one => one.Project == project).OrderBy(one => one.Name)
            .ToListAsync(change.Cancellation).ConfigureAwait(false))
            .Where(policy => policy.Rules.Notification?.Webhooks?.Contains(wanted) == true).Select(policy => policy.Name).ToList();
        if (users.Count > 0)
            return new Problem(ProblemCode.InUse, $"The policies {string.Join(", ", users.Take(NamesShown))}"
                + $"{(users.Count > NamesShown ? $" and {users.Count - NamesShown} more" : "")} tell it: take it out of them first.");
        change.Db.Webhooks.Remove(webhook);
        change.Audit("deleteWebhook", $"webhook {webhook.Name}");
        return TypedResults.NoContent();
    });

    static Task<IResult> Renew(Guid id, HttpContext http, ApiChanges changes, WebhookSecrets secrets) =>
        changes.CreateAsync(http, id, async change =>
        {
            if (await FindAsync(change.Db, change.Caller.InProject, WebhookId.From(id), change.Cancellation).ConfigureAwait(false)
                is not { } webhook) return Problem.NoSuch("webhook");
            var (secret, wrapped) = secrets.New(webhook.Id);
            webhook.GetsSecret(wrapped);
            change.Audit("renewWebhookSecret", $"webhook {webhook.Name}");
            var view = new NewWebhookView(webhook.Id, webhook.Name, webhook.Url, webhook.CreatedAt, secret);
            return new Creation.Made($"/api/v1/webhooks/{webhook.Id}", view, view with { Secret = null });
        });

    static Task<IResult> Test(Guid id, HttpContext http, ApiChanges changes) => changes.CreateAsync(http, id, async change =>
    {
        if (await FindAsync(change.Db, change.Caller.InProject, WebhookId.From(id), change.Cancellation)
            .ConfigureAwait(false) is not { } webhook)
            return Problem.NoSuch("webhook");
        var notification = Notices.Test(change.Change, webhook);
        change.Audit("testWebhook", $"webhook {webhook.Name}");
        return new Creation.Made($"/api/v1/notifications/{notification.Id}", new TestedWebhook(notification.Id), GoesOn: true);
    });

    /// <summary>The first of these that the project does not have.</summary>
    public static async Task<WebhookId?> MissingAsync(
        PortalDb db, ProjectId project, IReadOnlyList<WebhookId> wanted, CancellationToken cancellation)
    {
        foreach (var id in wanted) if (await FindAsync(db, project, id, cancellation).ConfigureAwait(false) is null) return id;
        return null;
    }

    static async Task<Webhook?> FindAsync(PortalDb db, ProjectId project, WebhookId id, CancellationToken cancellation) =>
        await db.Webhooks.FindAsync([id], cancellation).ConfigureAwait(false) is { } webhook && webhook.Project == project ? webhook : null;

    static WebhookView View(Webhook webhook) => new(webhook.Id, webhook.Name, webhook.Url, webhook.CreatedAt, webhook.HasSecret);
}
