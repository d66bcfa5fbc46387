using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Portal.Notifications;

/// <summary>Delivers what is to be told. Any number of replicas may do it: whoever begins an attempt first has it.</summary>
public sealed class NotificationDelivery(ChangeMaker<PortalDb> changes, WebhookSender webhooks, MailSender mails)
{
    /// <summary>What is over is shown for so long.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    const int DueMax = 200, AtOnceMax = 16;
    const string NoSecret = "the webhook came back from a lost system without its secret: give it a new one";

    /// <summary>One project's slow receivers must not hold up all others.</summary>
    const int AtOnceOfProjectMax = 4;

    static readonly TimeSpan s_tidyEvery = TimeSpan.FromHours(1);
    DateTimeOffset? _tidiedAt;

    /// <summary>Makes an attempt of some that are due. By one at a time in each replica.</summary>
    /// <returns>Whether there are more.</returns>
    public async Task<bool> TurnAsync(CancellationToken cancellation)
    {
        await TidyAsync(cancellation).ConfigureAwait(false);
        var due = await changes.MakeAsync(change => change.Db.Notifications
            .Where(one => one.State == NotificationState.Waiting && one.NextAttemptAt <= change.Now)
            .OrderBy(one => one.NextAttemptAt).ThenBy(one => one.Id).Select(one => new { one.Id, one.Project }).Take(DueMax)
            .ToListAsync(cancellation), cancellation).ConfigureAwait(false);
        var now = due.GroupBy(one => one.Project).SelectMany(ofProject => ofProject.Take(AtOnceOfProjectMax)).Take(AtOnceMax).ToList();
        await Task.WhenAll(now.Select(one => DeliverAsync(one.Id, cancellation))).ConfigureAwait(false);
        return due.Count > now.Count;
    }

    async Task DeliverAsync(NotificationId id, CancellationToken cancellation)
    {
        if (await changes.MakeAsync(change => BeginAsync(change, id, cancellation), cancellation).ConfigureAwait(false) is not { } attempt)
            return;
        var (notification, webhook) = attempt;
        var outcome = notification.Channel == NotificationChannel.Email
            ? await mails.SendAsync(notification.Recipient, NotificationBody.Read(notification.Body), cancellation).ConfigureAwait(false)
            : await webhooks.SendAsync(id, webhook!, notification.Body, cancellation).ConfigureAwait(false);
        await changes.MakeAsync(change => EndAsync(change, id, outcome, cancellation), cancellation).ConfigureAwait(false);
    }

    /// <returns>Null when there is nothing to attempt.</returns>
    static async Task<(Notification, Webhook?)?> BeginAsync(Change<PortalDb> change, NotificationId id, CancellationToken cancellation)
    {
        if (await change.Db.Notifications.FindAsync([id], cancellation).ConfigureAwait(false) is not { } notification
            || !notification.IsDue(change.Now)) return null;
        var webhook = notification.Webhook is { } named ? await change.Db.Webhooks.FindAsync([named], cancellation).ConfigureAwait(false)
            : null;
        if (notification.Channel == NotificationChannel.Webhook && webhook is null)
        {
            notification.Failed("the webhook was deleted", pause: null, change.Now);
            return null;
        }
        if (webhook is { HasSecret: false })
        {
            notification.Begins(change.Now);
            notification.Failed(NoSecret, DeliveryRetries.PauseBehind(notification.Attempts, Chance(), asked: null), change.Now);
            return null;
        }
        notification.Begins(change.Now);
        return (notification, webhook);
    }

    static async Task EndAsync(Change<PortalDb> change, NotificationId id, DeliveryOutcome outcome, CancellationToken cancellation)
    {
        if (await change.Db.Notifications.FindAsync([id], cancellation)
            .ConfigureAwait(false) is not { State: NotificationState.Waiting } row) return;
        switch (outcome)
        {
            case DeliveryOutcome.Delivered:
                row.IsDelivered();
                return;
            case DeliveryOutcome.Failed(var error, var mayPass, var asked):
                row.Failed(error, mayPass ? DeliveryRetries.PauseBehind(row.Attempts, Chance(), asked) : null, change.Now);
                return;
            default:
                throw new InvalidOperationException($"Nobody says what follows from {outcome}.");
        }
    }

    static double Chance() => RandomNumberGenerator.GetInt32(1 << 20) / (double)(1 << 20);

    async Task TidyAsync(CancellationToken cancellation)
    {
        var now = changes.Now;
        if (_tidiedAt is { } last && now >= last && now - last < s_tidyEvery) return;
        var before = now - Kept;
        await changes.MakeAsync(change => change.Db.Notifications.Where(one => one.State != NotificationState.Waiting
            && one.CreatedAt < before)
            .ExecuteDeleteAsync(cancellation), cancellation).ConfigureAwait(false);
        _tidiedAt = now;
    }
}
