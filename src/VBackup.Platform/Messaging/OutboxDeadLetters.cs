using System.Linq.Expressions;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Platform.Messaging;

/// <summary>Messages that a service could not send: they are rows of its outbox. Thread-safe.</summary>
/// <param name="service">Whose outbox it is.</param>
public sealed class OutboxDeadLetters<TDb>(string service, ChangeMaker<TDb> changes) : IDeadLetters where TDb : ServiceDb
{
    public string Place => $"outbox-{service}";

    public Task<long> CountAsync(CancellationToken cancellation) => changes.MakeAsync(change =>
        change.Db.Outbox.LongCountAsync(message => message.IsDead, cancellation), cancellation);

    public async Task<DeadLetterPage> ListAsync(string? after, int limit, CancellationToken cancellation)
    {
        var found = await changes.MakeAsync(change =>
        {
            var dead = change.Db.Outbox.AsNoTracking().Where(message => message.IsDead);
            if (Find(after) is { } last) dead = dead.Where(Behind(last));
            return dead.OrderBy(message => message.Id).Take(limit + 1).ToListAsync(cancellation);
        }, cancellation).ConfigureAwait(false);
        var hasMore = found.Count > limit;
        if (hasMore) found.RemoveAt(limit);
        return new([.. found.Select(View)], hasMore ? found[^1].Id.ToString() : null);
    }

    public Task<bool> RequeueAsync(string id, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        if (await FindAsync(change.Db, id, cancellation).ConfigureAwait(false) is not { } message) return false;
        message.Revive(change.Now);
        return true;
    }, cancellation);

    public Task<bool> DropAsync(string id, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        if (await FindAsync(change.Db, id, cancellation).ConfigureAwait(false) is not { } message) return false;
        change.Db.Outbox.Remove(message);
        return true;
    }, cancellation);

    static async Task<OutgoingMessage?> FindAsync(TDb db, string id, CancellationToken cancellation) =>
        Find(id) is { } known && await db.Outbox.FindAsync([known], cancellation).ConfigureAwait(false) is { IsDead: true } message
            ? message : null;

    static MessageId? Find(string? text) => Guid.TryParseExact(text, "D", out var id) ? MessageId.From(id) : null;

    static DeadLetter View(OutgoingMessage message) => new(message.Id.ToString(), message.To, message.Name, message.SentAt,
        message.NotAfter, message.Attempts, DeadLetter.ReasonOf(message.LastError ?? ""), DiedAt: null);

    /// <summary>The database compares; ids have no such operator in C#, so one is named that nobody calls.</summary>
    static Expression<Func<OutgoingMessage, bool>> Behind(MessageId last)
    {
        Expression<Func<OutgoingMessage, MessageId>> id = message => message.Id;
        Expression<Func<MessageId>> bound = () => last;
        var never = typeof(OutboxDeadLetters<TDb>).GetMethod(nameof(ComparedByDatabase),
            System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!;
        return Expression.Lambda<Func<OutgoingMessage, bool>>(
            Expression.GreaterThan(id.Body, bound.Body, liftToNull: false, never), id.Parameters);
    }

    static bool ComparedByDatabase(MessageId left, MessageId right) =>
        throw new InvalidOperationException($"ids were to be compared by the database: {left}, {right}");
}
