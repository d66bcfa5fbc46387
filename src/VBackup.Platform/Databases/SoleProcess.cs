using Npgsql;

namespace VBackup.Platform.Databases;

/// <summary>
/// Work of a service that one process does at a time, as a region's snapshots are taken by one: the others stand by, and the server of the
/// database lets the next one begin when the one at work ends, or its connection does. Thread-safe.
/// </summary>
/// <remarks>Whoever loses his connection hears of it as soon as he can know, and stops; for as long as he does not, two may be at work.
/// So what is done has to bear being done again by another, as it has to after a crash.</remarks>
public sealed class SoleProcess<TDb>(PostgresDatabase<TDb> database) where TDb : ServiceDb
{
    /// <summary>Waits until no other process does such work of this database, and does it.</summary>
    /// <param name="name">Of the work: those of another name may be done meanwhile.</param>
    /// <param name="work">Gets a token that is cancelled when it is to end, or is another's now.</param>
    /// <exception cref="DatabaseFailedException">The server is not there, or the connection was lost: it may be tried again.</exception>
    public Task RunAsync(string name, Func<CancellationToken, Task> work, CancellationToken cancellation) =>
        database.UseAsync(async connection =>
    {
        await LockAsync(connection, "SELECT pg_advisory_lock(hashtext($1), hashtext($2))", name, cancellation).ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var done = new CancellationTokenSource();
        var watching = WatchAsync(connection, ending, done.Token);
        Exception? lost = null;
        try
        {
            await work(ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            // The connection was lost, which is told below.
        }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            lost = await watching.ConfigureAwait(false);
            // The connection goes back to others. One that is lost has no locks.
            if (lost is null)
                await LockAsync(connection, "SELECT pg_advisory_unlock(hashtext($1), hashtext($2))", name, CancellationToken.None)
                    .ConfigureAwait(false);
        }
        return lost is null ? true : throw new DatabaseFailedException($"{database.Name}: the connection was lost", lost);
    }, cancellation);

    // Whoever waits for his turn may do so for as long as the system runs.
    async Task LockAsync(NpgsqlConnection connection, string sql, string name, CancellationToken cancellation)
    {
        var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await using var closing = command.ConfigureAwait(false);
        command.Parameters.Add(new() { Value = database.Schema });
        command.Parameters.Add(new() { Value = name });
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    // Nobody notifies anybody: what this waits for is that the connection breaks.
    static async Task<Exception?> WatchAsync(NpgsqlConnection connection, CancellationTokenSource ending, CancellationToken done)
    {
        try
        {
            while (true) await connection.WaitAsync(done).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (done.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception lost) when (lost is NpgsqlException or IOException or ObjectDisposedException)
        {
            await ending.CancelAsync().ConfigureAwait(false);
            return lost;
        }
    }
}
