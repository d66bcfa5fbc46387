using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;
using VBackup.Portal.Notifications;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Tests.World;

/// <summary>A Portal with a protected server, a mail server and a receiver of webhooks. Nothing is delivered until a test says
/// so.</summary>
sealed class TellingWorld : IAsyncDisposable
{
    readonly WebhookSender _webhooks;
    readonly MessageEndpoint<PortalDb> _portal;

    TellingWorld(PortalWorld portal, WebhookReceiver receiver, WebhookSettings settings)
    {
        (Portal, Receiver) = (portal, receiver);
        _webhooks = new(settings, portal.WebhookSecrets, portal.Clock);
        _portal = new(portal.Changes, PortalMessages.Handlers());
        Smtp = new() { Host = "127.0.0.1", Port = Mail.Port, Security = SmtpSecurity.None, From = "vbackup@sender.example" };
    }

    public PortalWorld Portal { get; }
    public WebhookReceiver Receiver { get; }
    public MailReceiver Mail { get; } = new();
    public SmtpSettings Smtp { get; set; }
    public ServerRef Server { get; private set; } = null!;
    public LocationId Location { get; private set; }
    public PolicyId Policy { get; private set; }
    public PlanId Plan { get; private set; }

    public static async Task<TellingWorld> MakeAsync(NotificationRule? rule = null, WebhookSettings? settings = null)
    {
        settings ??= new() { AllowLoopback = true };
        var portal = await PortalWorld.MakeAsync(new() { RequestsAtOnceMax = 100_000, Webhooks = settings });
        var world = new TellingWorld(portal, await WebhookReceiver.StartAsync(), settings);
        world.Server = await portal.ServerAsync();
        world.Location = await portal.LocationAsync();
        var policy = new PolicyRow(portal.Ids.New<PolicyId>(), portal.Project, "nightly",
            new(new LocalTime(1, 0), "Etc/UTC", Daily: new(7), Notification: rule));
        await portal.SaveAsync(policy);
        world.Policy = policy.Id;
        world.Plan = await portal.PlanAsync(world.Server, world.Location, world.Policy);
        return world;
    }

    /// <summary>A webhook at the receiver, told its secret as its maker is.</summary>
    public async Task<(WebhookId Id, string Secret)> WebhookAsync(string name, string path)
    {
        var id = Portal.Ids.New<WebhookId>();
        var (secret, wrapped) = Portal.WebhookSecrets.New(id);
        await Portal.SaveAsync(new Webhook(id, Portal.Project, name, Receiver.Url(path), wrapped, Portal.Clock.GetUtcNow()));
        return (id, secret);
    }

    public Task RuleAsync(NotificationRule rule) => Portal.Changes.MakeAsync(async change =>
    {
        var policy = (await change.Db.Policies.FindAsync(Policy))!;
        policy.Changes(policy.Name, policy.Rules with { Notification = rule });
    }, default);

    public Task HearAsync<TMessage>(TMessage message, System.Text.Json.Serialization.Metadata.JsonTypeInfo<TMessage> type) where TMessage
        : class, IMessage =>
        _portal.DeliverAsync(new(Portal.Ids.New<MessageId>(), Destination.Portal, TMessage.Name, JsonSerializer.Serialize(message, type),
            Portal.Clock.GetUtcNow(), null), default);

    /// <summary>The vBackup service tells that a run of the server ended.</summary>
    public async Task<RunId> RunEndsAsync(RunState state, RunKind kind = RunKind.Backup)
    {
        var run = Portal.Ids.New<RunId>();
        await HearAsync(Things.RunNow(Portal, run, Server, RunState.Transferring, 1, 50, kind), MessageJson.Default.RunChanged);
        await HearAsync(Things.RunNow(Portal, run, Server, state, 2, 100, kind) with { Error = state == RunState.Succeeded ? null
            : "no\r\nroom" },
            MessageJson.Default.RunChanged);
        return run;
    }

    /// <summary>A replica's; each has its own.</summary>
    public NotificationDelivery NewDelivery() => new(Portal.Changes, _webhooks, new(Smtp, Portal.Clock));

    public async Task DeliverAsync()
    {
        var delivery = NewDelivery();
        while (await delivery.TurnAsync(default)) { /* Until there is no more. */ }
    }

    public async Task PassAsync(TimeSpan time)
    {
        Portal.Clock.Advance(time);
        await DeliverAsync();
    }

    public async Task<List<Notification>> NotificationsAsync()
    {
        await using var db = Portal.Db();
        return await db.Notifications.AsNoTracking().OrderBy(one => one.Id).ToListAsync();
    }

    public async Task<Notification> OnlyAsync() => Xunit.Assert.Single(await NotificationsAsync());

    public async ValueTask DisposeAsync()
    {
        _webhooks.Dispose();
        await Receiver.DisposeAsync();
        await Mail.DisposeAsync();
        await Portal.DisposeAsync();
    }
}
