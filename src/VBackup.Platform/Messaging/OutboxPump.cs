using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>Takes messages to whom they are for: from one service to another of the same process, or over a broker.</summary>
public interface IMessageTransport
{
    /// <summary>When this returns, the message will arrive, once at least.</summary>
    Task SendAsync(Envelope envelope, CancellationToken cancellation);
}

/// <summary>
/// Sends what is in an outbox. Rows are marked one by one as they arrive, since they are committed in another order than
/// their ids have. A message that was sent and not marked is sent again: whoever gets it knows.
/// </summary>
public sealed class OutboxPump<TDb>(IDbContextFactory<TDb> databases, IMessageTransport transport, TimeProvider clock) where TDb : ServiceDb
{
    /// <summary>Attempts until a message is dead: the last comes some hours after the first.</summary>
    public const int AttemptsMax = 50;
    const int BatchSize = 100;

    /// <summary>Sends what is due.</summary>
    /// <returns>Whether there may be more now.</returns>
    public async Task<bool> SendDueAsync(CancellationToken cancellation)
    {
        var db = await databases.CreateDbContextAsync(cancellation).ConfigureAwait(false);
        await using var closing = db.ConfigureAwait(false);
        var now = clock.GetUtcNow();
        var due = await db.Outbox.Where(message => message.NextAttemptAt != null && message.NextAttemptAt <= now)
            .OrderBy(message => message.NextAttemptAt).ThenBy(message => message.Id).Take(BatchSize).ToListAsync(cancellation)
                .ConfigureAwait(false);
        foreach (var message in due)
        {
            try
            {
                await transport.SendAsync(message.Envelope, cancellation).ConfigureAwait(false);
                message.Arrived();
            }
            catch (Exception never) when (never is UnknownMessageException or RefusedMessageException)
            {
                message.Failed(never.Message, clock.GetUtcNow(), patience: 1);
            }
            catch (TransportDownException down)
            {
                // The others would fare no better: all of them stay due.
                message.Waits(down.Message);
                await db.SaveChangesAsync(cancellation).ConfigureAwait(false);
                return false;
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !cancellation.IsCancellationRequested)
            {
                // A crash boundary: whatever the other side fails with, the message stays, and others go on.
                message.Failed(failure.Message, clock.GetUtcNow(), AttemptsMax);
            }
            await db.SaveChangesAsync(cancellation).ConfigureAwait(false);
        }
        return due.Count == BatchSize;
    }
}
