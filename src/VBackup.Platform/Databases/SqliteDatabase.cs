using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace VBackup.Platform.Databases;

/// <summary>A service's database in a file. Whoever writes has it alone for the time of a change. Thread-safe.</summary>
public sealed class SqliteDatabase<TDb> : IServiceDatabase<TDb> where TDb : ServiceDb
{
    /// <summary>How long a change waits for others, in seconds.</summary>
    const int PatienceSeconds = 30;

    readonly DbContextOptions<TDb> _options;
    readonly Func<DbContextOptions<TDb>, TDb> _make;

    /// <param name="path">Of the file; it is made by <see cref="PrepareAsync"/>.</param>
    public SqliteDatabase(string path, Func<DbContextOptions<TDb>, TDb> make)
    {
        var connection = new SqliteConnectionStringBuilder { DataSource = path, DefaultTimeout = PatienceSeconds, ForeignKeys = true };
        _options = new DbContextOptionsBuilder<TDb>().UseSqlite(connection.ToString()).Options;
        _make = make;
        Path = path;
    }

    public string Path { get; }

    public string Name => Path;

    /// <summary>Makes the tables where there are none.</summary>
    /// <inheritdoc/>
    public async Task PrepareAsync(int schemaVersion, CancellationToken cancellation)
    {
        var db = CreateDbContext();
        await using var closing = db.ConfigureAwait(false);
        await db.Database.EnsureCreatedAsync(cancellation).ConfigureAwait(false);
        var found = await db.Set<SchemaVersion>().Select(one => one.Version).ToListAsync(cancellation).ConfigureAwait(false);
        if (found.Any(version => version != schemaVersion)) throw new OtherSchemaException(Path, found.Max(), schemaVersion);
        // Readers go on beside a writer; what was committed survives a power cut.
        await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", cancellation).ConfigureAwait(false);
        if (found.Count > 0) return;
        db.Add(new SchemaVersion(schemaVersion));
        await db.SaveChangesAsync(cancellation).ConfigureAwait(false);
    }

    public TDb CreateDbContext() => _make(_options);
}
