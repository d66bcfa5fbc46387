using System.Globalization;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using VBackup.Platform.Databases;
using Xunit;

namespace VBackup.Services.Tests.World;

/// <summary>Schemas of the lab's PostgreSQL, which go with the world.</summary>
sealed class PostgresSchemas : IWorldDatabases
{
    static readonly string? s_address = Environment.GetEnvironmentVariable("VBACKUP_TEST_POSTGRES");

    readonly string _world = RandomNumberGenerator.GetHexString(12, lowercase: true);
    readonly List<string> _made = [];
    readonly List<IAsyncDisposable> _open = [];

    public PostgresSchemas() => Skip();

    public static void Skip() => Assert.SkipWhen(string.IsNullOrEmpty(s_address), "needs the lab's PostgreSQL: run ./test.sh");

    /// <summary>REQUIRES: there is a PostgreSQL.</summary>
    public static PostgresSettings Settings(string schema) => new()
    {
        Host = s_address!.Split(':')[0],
        Port = int.Parse(s_address.Split(':')[1], CultureInfo.InvariantCulture),
        Database = "vbackup",
        User = "vbackup",
        PasswordFile = Environment.GetEnvironmentVariable("VBACKUP_TEST_POSTGRES_PASSWORD_FILE"),
        Schema = schema,
    };

    public string SchemaOf(string service) => $"test_{_world}_{service}";

    public async Task<IServiceDatabase<TDb>> MakeAsync<TDb>(string service, int schemaVersion, Func<DbContextOptions<TDb>, TDb> make)
        where TDb : ServiceDb
    {
        _made.Add(SchemaOf(service));
        var made = Open(service, make);
        await made.MigrateAsync(default);
        await made.PrepareAsync(schemaVersion, default);
        return made;
    }

    public IServiceDatabase<TDb> OpenAgain<TDb>(string service, Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb =>
        Open(service, make);

    PostgresDatabase<TDb> Open<TDb>(string service, Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb
    {
        var opened = new PostgresDatabase<TDb>(Settings(SchemaOf(service)), make);
        _open.Add(opened);
        return opened;
    }

    /// <summary>Another's connection, to look at what is there or to break something.</summary>
    public static async Task<NpgsqlConnection> ConnectAsync()
    {
        var settings = Settings("public");
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = settings.Host, Port = settings.Port, Database = settings.Database, Username = settings.User,
            Password = (await File.ReadAllTextAsync(settings.PasswordFile!)).Trim(), Pooling = false,
        }.ToString());
        await connection.OpenAsync();
        return connection;
    }

    public static async Task<List<string>> AskAsync(string sql)
    {
        await using var connection = await ConnectAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        List<string> lines = [];
        while (await reader.ReadAsync())
            lines.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString())));
        return lines;
    }

    /// <summary>Asks again and again, until there is an answer: the server tells nobody when somebody begins to wait.</summary>
    public static async Task UntilAsync(string sql)
    {
        while ((await AskAsync(sql)).Count == 0) TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _open) await one.DisposeAsync();
        if (_made.Count > 0) await AskAsync($"DROP SCHEMA IF EXISTS {string.Join(", ", _made)} CASCADE");
    }
}
