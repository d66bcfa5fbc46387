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

    const int AtOnceMax = 16;
    const string NoSecret = "the webhook came back from a lost system without its secret: give it a new one";

    /// <summary>One project's slow receivers must not hold up all others.</summary>
    const int AtOnceOfProjectMax = 4;

    static readonly TimeSpan s_tidyEvery = TimeSpan.FromHours(1);
    readonly Dictionary<ProjectId, long> _turns = [];
    long _turn;
    DateTimeOffset? _tidiedAt;

    /// <summary>Makes an attempt of some that are due. By one at a time in each replica.</summary>
    /// <returns>Whether there are more.</returns>
    public async Task<bool> TurnAsync(CancellationToken cancellation)
    {
        await TidyAsync(cancellation).ConfigureAwait(false);
        var (now, areMore) = await changes.MakeAsync(change => ChooseAsync(change, cancellation), cancellation).ConfigureAwait(false);
        await Task.WhenAll(now.Select(id => DeliverAsync(id, cancellation))).ConfigureAwait(false);
        return areMore;
    }

    // Projects take turns, whatever waits of each of them; the oldest of each comes first.
    async Task<(List<NotificationId> Now, bool AreMore)> ChooseAsync(Change<PortalDb> change, CancellationToken cancellation)
    {
        var at = change.Now;
        var due = change.Db.Notifications.Where(one => one.State == NotificationState.Waiting && one.NextAttemptAt <= at);
        var projects = await due.GroupBy(one => one.Project)
            .Select(of => new { Project = of.Key, OldestAt = of.Min(one => one.NextAttemptAt), Due = of.Count() })
            .ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var gone in _turns.Keys.Except(projects.Select(one => one.Project)).ToList()) _turns.Remove(gone);
        List<(int Rank, NotificationId Id)> next = [];
        _turn++;
        foreach (var one in projects.OrderBy(one => _turns.GetValueOrDefault(one.Project)).ThenBy(one => one.OldestAt).Take(AtOnceMax))
        {
            _turns[one.Project] = _turn;
            var oldest = await due.Where(waiting => waiting.Project == one.Project).OrderBy(waiting => waiting.NextAttemptAt)
                .ThenBy(waiting => waiting.Id).Select(waiting => waiting.Id).Take(AtOnceOfProjectMax).ToListAsync(cancellation)
                    .ConfigureAwait(false);
            next.AddRange(oldest.Select((id, rank) => (rank, id)));
        }
        List<NotificationId> now = [.. next.OrderBy(one => one.Rank).Take(AtOnceMax).Select(one => one.Id)];
        return (now, projects.Sum(one => one.Due) > now.Count);
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
