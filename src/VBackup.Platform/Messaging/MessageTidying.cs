using Microsoft.EntityFrameworkCore;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>Forgets messages that nobody will ask for again.</summary>
public static class MessageTidying
{
    /// <summary>Those that have arrived are kept for so long, for people who look into something.</summary>
    public static readonly TimeSpan ArrivedKept = TimeSpan.FromDays(1);

    /// <summary>A message that was done is known for longer than its sender may try again.</summary>
    public static readonly TimeSpan DoneKept = TimeSpan.FromDays(14);

    public static async Task TidyAsync<TDb>(Change<TDb> change, CancellationToken cancellation) where TDb : ServiceDb
    {
        DateTimeOffset sentBefore = change.Now - ArrivedKept, doneBefore = change.Now - DoneKept;
        await change.Db.Outbox.Where(message => message.NextAttemptAt == null && !message.IsDead && message.SentAt < sentBefore)
            .ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
        await change.Db.Inbox.Where(message => message.DoneAt < doneBefore).ExecuteDeleteAsync(cancellation).ConfigureAwait(false);
    }
}
