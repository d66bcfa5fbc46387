using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Notifications;

/// <summary>What is told. Names are on the wire, and numbers in databases.</summary>
[JsonConverter(typeof(EnumNameConverter<NotificationEvent>))]
public enum NotificationEvent
{
    [JsonStringEnumMemberName("runSucceeded")] RunSucceeded = 0,
    /// <summary>A run ended without its result, whatever the reason.</summary>
    [JsonStringEnumMemberName("runFailed")] RunFailed = 1,
    /// <summary>A protected server is not there any more.</summary>
    [JsonStringEnumMemberName("serverGone")] ServerGone = 2,
    [JsonStringEnumMemberName("locationDamaged")] LocationDamaged = 3,
    /// <summary>A restore came due and did not start.</summary>
    [JsonStringEnumMemberName("restoreSkipped")] RestoreSkipped = 4,
    /// <summary>Somebody tries a webhook.</summary>
    [JsonStringEnumMemberName("test")] Test = 5,
}

/// <inheritdoc cref="NotificationEvent"/>
[JsonConverter(typeof(EnumNameConverter<NotificationChannel>))]
public enum NotificationChannel
{
    [JsonStringEnumMemberName("email")] Email = 0,
    [JsonStringEnumMemberName("webhook")] Webhook = 1,
}

/// <inheritdoc cref="NotificationEvent"/>
[JsonConverter(typeof(EnumNameConverter<NotificationState>))]
public enum NotificationState
{
    /// <summary>It is still to be delivered.</summary>
    [JsonStringEnumMemberName("waiting")] Waiting = 0,
    [JsonStringEnumMemberName("delivered")] Delivered = 1,
    /// <summary>Nobody tries any more.</summary>
    [JsonStringEnumMemberName("givenUp")] GivenUp = 2,
}

/// <summary>Whom one thing is told.</summary>
/// <param name="Recipient">An e-mail address, or the webhook's name.</param>
sealed record NotificationTarget(NotificationChannel Channel, string Recipient, WebhookId? Webhook);

/// <summary>
/// Something that one recipient is to be told. It is written in the transaction that made it true, and delivered once at least: an
/// attempt begins by moving the next one to behind <see cref="AttemptMax"/>, so that whoever dies in it has only lost time.
/// </summary>
public sealed class Notification
{
    /// <summary>With the pauses of <see cref="DeliveryRetries"/>, the last comes about a day after the first.</summary>
    public const int AttemptsMax = 15;

    /// <summary>Longer than an attempt takes.</summary>
    public static readonly TimeSpan AttemptMax = TimeSpan.FromMinutes(5);

    const int ErrorMax = 500;

    Notification() { }

    internal Notification(NotificationTarget target, NotificationBody body)
    {
        (Id, Project, Event, CreatedAt) = (body.Id, body.Project, body.Event, body.At);
        (Channel, Recipient, Webhook) = target;
        (Summary, Body, NextAttemptAt, Version) = (body.Summary, body.Write(), body.At, 1);
    }

    public NotificationId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public NotificationEvent Event { get; private set; }
    public NotificationChannel Channel { get; private set; }
    public string Recipient { get; private set; } = "";
    public WebhookId? Webhook { get; private set; }
    public string Summary { get; private set; } = "";

    /// <summary>JSON of a <see cref="NotificationBody"/>; what is sent twice is the same to the letter.</summary>
    public string Body { get; private set; } = "";
    public DateTimeOffset CreatedAt { get; private set; }
    public NotificationState State { get; private set; }
    public int Attempts { get; private set; }

    /// <summary>Null when nobody tries any more.</summary>
    public DateTimeOffset? NextAttemptAt { get; private set; }
    public DateTimeOffset? LastAttemptAt { get; private set; }
    public string? LastError { get; private set; }

    public bool IsDue(DateTimeOffset now) => State == NotificationState.Waiting && NextAttemptAt <= now;

    /// <summary>Whoever says so first has the attempt.</summary>
    public void Begins(DateTimeOffset now)
    {
        (LastAttemptAt, NextAttemptAt) = (now, now + AttemptMax);
        Attempts++;
        Version++;
    }

    public void IsDelivered()
    {
        (State, NextAttemptAt, LastError) = (NotificationState.Delivered, null, null);
        Version++;
    }

    /// <param name="pause">Until the next attempt; null when there is to be none.</param>
    public void Failed(string error, TimeSpan? pause, DateTimeOffset now)
    {
        LastError = error.Length <= ErrorMax ? error : error[..ErrorMax];
        if (pause is null || Attempts >= AttemptsMax) (State, NextAttemptAt) = (NotificationState.GivenUp, null);
        else NextAttemptAt = now + pause;
        Version++;
    }
}

/// <summary>How long to wait behind a failed attempt.</summary>
static class DeliveryRetries
{
    static readonly TimeSpan s_first = TimeSpan.FromSeconds(30), s_longest = TimeSpan.FromHours(4);

    /// <summary>Twice as long each time, up to four hours, and a quarter more or less, lest all come back at once.</summary>
    /// <param name="attempts">So many have failed; 1 at least.</param>
    /// <param name="chance">0 up to 1.</param>
    /// <param name="asked">The receiver said that it wants none before.</param>
    public static TimeSpan PauseBehind(int attempts, double chance, TimeSpan? asked = null)
    {
        var doubled = s_first * Math.Pow(2, Math.Min(attempts - 1, 20));
        var pause = (doubled < s_longest ? doubled : s_longest) * (0.75 + chance / 2);
        if (asked is not { } wanted || wanted <= pause) return pause;
        return wanted < s_longest ? wanted : s_longest;
    }
}
