using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace VBackup.Platform.Databases;

/// <summary>A service's tables in a schema of PostgreSQL, which any number of processes have at once. A service never lays them out: that
/// is done by <see cref="MigrateAsync"/>, when somebody asks for it. Thread-safe.</summary>
public sealed class PostgresDatabase<TDb> : IServiceDatabase<TDb>, IAsyncDisposable where TDb : ServiceDb
{
    const string Migrate = "run 'vbackup migrate'";

    readonly PostgresSettings _settings;
    readonly NpgsqlDataSource _source;
    readonly Func<DbContextOptions<TDb>, TDb> _make;

    /// <param name="settings">REQUIRES: nothing is wrong with them.</param>
    public PostgresDatabase(PostgresSettings settings, Func<DbContextOptions<TDb>, TDb> make)
    {
        if (settings.Faults("Database").FirstOrDefault() is { } fault) throw new ArgumentException(fault, nameof(settings));
        (_settings, _make) = (settings, make);
        _source = settings.Open();
    }

    public string Name => _settings.Name;

    internal string Schema => _settings.Schema!;

    // The connection is a thing of its own, so that what is worked out of the model is shared by all databases of a kind.
    public TDb CreateDbContext() => _make(new DbContextOptionsBuilder<TDb>()
        .UseNpgsql(_source.CreateConnection(), contextOwnsConnection: true).AddInterceptors(RowLocking.Interceptor).Options);

    /// <summary>Looks which version of the tables there is. Nothing is changed, whatever it is.</summary>
    /// <exception cref="DatabaseFailedException">The server is not there, or does not let this user in.</exception>
    /// <inheritdoc/>
    public Task PrepareAsync(int schemaVersion, CancellationToken cancellation) => UseAsync(async connection =>
    {
        var found = await FindVersionAsync(connection, cancellation).ConfigureAwait(false)
            ?? throw OtherSchemaException.NoTables(Name, Migrate);
        if (found != schemaVersion) throw new OtherSchemaException(Name, found, schemaVersion, Migrate);
        return found;
    }, cancellation);

    /// <summary>Brings the tables to the version that this program knows, in one transaction: all of it, or nothing. Services that run go
    /// on before or after it; of several that migrate at once, one does it.</summary>
    /// <exception cref="OtherSchemaException">A later program has laid the tables out.</exception>
    /// <exception cref="DatabaseFailedException">It did not work; nothing was changed.</exception>
    public Task<SchemaChange> MigrateAsync(CancellationToken cancellation) => UseAsync(async connection =>
    {
        var steps = SchemaSteps.Of<TDb>();
        var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using var ending = transaction.ConfigureAwait(false);
        await RunAsync(connection, "SELECT pg_advisory_xact_lock(hashtext('vbackup migrate'), hashtext($1))", cancellation,
            Schema).ConfigureAwait(false);
        // Whoever may not make a schema may have been given one.
        if (await FindAsync(connection, "SELECT to_regnamespace($1)::text", cancellation, Schema).ConfigureAwait(false) is null)
            await RunAsync(connection, $"CREATE SCHEMA \"{Schema}\"", cancellation).ConfigureAwait(false);
        var found = await FindVersionAsync(connection, cancellation).ConfigureAwait(false);
        var known = steps[^1].Version;
        if (found > known) throw new OtherSchemaException(Name, found.Value, known);
        if (found == known) return new SchemaChange(found, known);
        // Changes that are being made come to their end before, and others wait.
        if (found is not null)
            await RunAsync(connection, "LOCK TABLE schema_version IN ACCESS EXCLUSIVE MODE", cancellation).ConfigureAwait(false);
        foreach (var step in steps.Where(step => step.Version > (found ?? 0)))
            await RunAsync(connection, step.Sql, cancellation).ConfigureAwait(false);
        await RunAsync(connection, "DELETE FROM schema_version", cancellation).ConfigureAwait(false);
        await RunAsync(connection, "INSERT INTO schema_version (\"Version\") VALUES ($1)", cancellation, known).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        return new SchemaChange(found, known);
    }, cancellation);

    /// <returns>Null where there are no tables.</returns>
    async Task<int?> FindVersionAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        // Not any table of that name that can be seen from here.
        if (await FindAsync(connection, "SELECT to_regclass($1)::text", cancellation, $"{Schema}.schema_version")
            .ConfigureAwait(false) is null) return null;
        return await FindAsync(connection, "SELECT max(\"Version\") FROM schema_version", cancellation).ConfigureAwait(false) as int?;
    }

    static async Task<object?> FindAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation,
        params object[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var closing = command.ConfigureAwait(false);
        foreach (var parameter in parameters) command.Parameters.Add(new() { Value = parameter });
        return await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is { } value and not DBNull ? value : null;
    }

    static Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation, params object[] parameters) =>
        FindAsync(connection, sql, cancellation, parameters);

    /// <summary>With a connection of its own. What fails is told with the database's name.</summary>
    internal async Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> use, CancellationToken cancellation)
    {
        try
        {
            var connection = await _source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await using var closing = connection.ConfigureAwait(false);
            return await use(connection).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is NpgsqlException or IOException or UnauthorizedAccessException or InvalidDataException
            or TimeoutException or System.Net.Sockets.SocketException)
        {
            throw new DatabaseFailedException($"{Name}: {failure.Message.ReplaceLineEndings(" ")}", failure);
        }
    }

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}

/// <summary>What a migration has done.</summary>
/// <param name="From">Null where there were no tables.</param>
public sealed record SchemaChange(int? From, int To)
{
    public bool ChangesNothing => From == To;
}

/// <summary>A database server that does not answer, or refuses. One line, without secrets.</summary>
public sealed class DatabaseFailedException(string message, Exception cause) : Exception(message, cause);
