using System.Data;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Primitives;

namespace VBackup.Platform.Databases;

/// <summary>One change of a service's database: its rows and the messages that tell of it are saved together, or not at all.</summary>
/// <param name="notAfter">When the command that asks for it is not to be carried out any more; null for never.</param>
public sealed class Change<TDb>(TDb db, IdSource ids, DateTimeOffset now, DateTimeOffset? notAfter = null) where TDb : ServiceDb
{
    public TDb Db => db;

    public DateTimeOffset Now => now;

    public DateTimeOffset? NotAfter => notAfter;

    /// <summary>The command came after its time: it is not to be carried out, and its sender has to hear so.</summary>
    public bool IsLate => notAfter < now;

    public TId NewId<TId>() where TId : struct, IUniqueId<TId> => ids.New<TId>();

    /// <param name="notAfter">When it is not to be carried out any more; null for what stays true.</param>
    public void Send<TMessage>(string to, TMessage message, JsonTypeInfo<TMessage> type, DateTimeOffset? notAfter = null)
        where TMessage : class, IMessage =>
        db.Outbox.Add(new(new(ids.New<MessageId>(), to, TMessage.Name, JsonSerializer.Serialize(message, type), now, notAfter)));
}

/// <summary>Makes changes, each in a transaction of its own, as if they came one after the other: those of other processes too.
/// Thread-safe.</summary>
public sealed class ChangeMaker<TDb>(IDbContextFactory<TDb> databases, IdSource ids, TimeProvider clock) where TDb : ServiceDb
{
    const int AttemptsMax = 10;

    /// <summary>After so many, in which others were faster each time, nobody else changes anything meanwhile.</summary>
    const int AttemptsBesideOthers = 4;

    /// <summary>What the changes take for now.</summary>
    public DateTimeOffset Now => clock.GetUtcNow();

    /// <param name="change">Run again, on a fresh database, when others were faster with the same rows.</param>
    public Task<T> MakeAsync<T>(Func<Change<TDb>, Task<T>> change, CancellationToken cancellation, DateTimeOffset? notAfter = null) =>
        RepeatAsync(change, turnsAt: null, notAfter, cancellation);

    public Task MakeAsync(Func<Change<TDb>, Task> change, CancellationToken cancellation) => MakeAsync(async made =>
    {
        await change(made).ConfigureAwait(false);
        return true;
    }, cancellation);

    /// <summary>For what many want at once, each of whom looks at all that the others do: they wait for their turn, where else all but one
    /// would begin again.</summary>
    /// <param name="table">Those who name the same take turns. Whoever else writes it waits for them.</param>
    /// <inheritdoc cref="MakeAsync{T}"/>
    public Task<T> MakeInTurnAsync<T>(string table, Func<Change<TDb>, Task<T>> change, CancellationToken cancellation) =>
        RepeatAsync(change, table, notAfter: null, cancellation);

    async Task<T> RepeatAsync<T>(Func<Change<TDb>, Task<T>> change, string? turnsAt, DateTimeOffset? notAfter,
        CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await MakeOnceAsync(change, isAlone: attempt > AttemptsBesideOthers, turnsAt, notAfter, cancellation)
                    .ConfigureAwait(false);
            }
            catch (Exception failure) when (attempt < AttemptsMax && SharedDatabase.OthersWereFaster(failure))
            {
                // What they have done is there now, and is looked at anew.
            }
        }
    }

    async Task<T> MakeOnceAsync<T>(Func<Change<TDb>, Task<T>> change, bool isAlone, string? turnsAt, DateTimeOffset? notAfter,
        CancellationToken cancellation)
    {
        var db = await databases.CreateDbContextAsync(cancellation).ConfigureAwait(false);
        await using var closing = db.ConfigureAwait(false);
        // Of SQLite it begins with the right to write, so that no two changes wait for each other.
        var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.Serializable, cancellation).ConfigureAwait(false);
        await using var ending = transaction.ConfigureAwait(false);
        if (db.IsShared) await SharedDatabase.EnterAsync(db, isAlone, turnsAt, cancellation).ConfigureAwait(false);
        var now = clock.GetUtcNow();
        var result = await change(new(db, ids, now, notAfter)).ConfigureAwait(false);
        await db.SaveChangesAsync(cancellation).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        return result;
    }
}
