using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>Where a service takes messages in. Thread-safe.</summary>
public interface IMessageEndpoint
{
    /// <summary>Carries a message out, unless that was done before. When this returns, it is done for good.</summary>
    Task DeliverAsync(Envelope envelope, CancellationToken cancellation);
}

/// <inheritdoc/>
public sealed class MessageEndpoint<TDb>(ChangeMaker<TDb> changes, MessageHandlers<TDb> handlers) : IMessageEndpoint where TDb : ServiceDb
{
    public Task DeliverAsync(Envelope envelope, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        if (await change.Db.Inbox.AnyAsync(done => done.Id == envelope.Id, cancellation).ConfigureAwait(false)) return false;
        change.Db.Inbox.Add(new(envelope.Id, change.Now));
        await handlers.HandleAsync(envelope, change, cancellation).ConfigureAwait(false);
        return true;
    }, cancellation, envelope.NotAfter);
}
