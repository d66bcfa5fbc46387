using Microsoft.EntityFrameworkCore;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>Forgets messages that nobody will ask for again, once a day and when the service starts.</summary>
public sealed class MessageTidying<TDb>(ChangeMaker<TDb> changes) where TDb : ServiceDb
{
    DateTimeOffset? _tidiedAt;

    /// <summary>To be called as often as one likes, by one at a time.</summary>
    public async Task TurnAsync(CancellationToken cancellation)
    {
        var now = changes.Now;
        // A clock that was set back does not put it off for ever.
        if (_tidiedAt is { } last && now >= last && now - last < MessageTidying.Every) return;
        await changes.MakeAsync(change => MessageTidying.TidyAsync(change, cancellation), cancellation).ConfigureAwait(false);
        _tidiedAt = now;
    }
}

/// <summary>How long messages are known after they were done.</summary>
public static class MessageTidying
{
    public static readonly TimeSpan Every = TimeSpan.FromDays(1);

    /// <summary>Those that have arrived are kept for so long, for people who look into something.</summary>
    public static readonly TimeSpan ArrivedKept = TimeSpan.FromDays(1);

    /// <summary>A message that was done is known for longer than its sender may try again.</summary>
    public static readonly TimeSpan DoneKept = TimeSpan.FromDays(14);

    internal static async Task TidyAsync<TDb>(Change<TDb> change, CancellationToken cancellation) where TDb : ServiceDb
    {
        DateTimeOffset sentBefore = change.Now - ArrivedKept, doneBefore = change.Now - DoneKept;
        await change.Db.Outbox.Where(message => message.NextAttemptAt == null && !message.IsDead && message.SentAt < sentBefore)
            .ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        await change.Db.Inbox.Where(message => message.DoneAt < doneBefore).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
    }
}
