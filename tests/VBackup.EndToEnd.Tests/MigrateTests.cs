using System.Security.Cryptography;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary><c>vbackup migrate</c>: services' tables on PostgreSQL are laid out when somebody asks for it.</summary>
public sealed class MigrateTests : IAsyncDisposable
{
    static readonly string? s_address = Environment.GetEnvironmentVariable("VBACKUP_TEST_POSTGRES");
    static readonly string? s_passwordFile = Environment.GetEnvironmentVariable("VBACKUP_TEST_POSTGRES_PASSWORD_FILE");

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-migrate-").FullName;
    readonly string _prefix = $"test_{RandomNumberGenerator.GetHexString(12, lowercase: true)}";
    bool _hasSchemas;

    [Fact]
    public async Task It_lays_out_the_tables_of_each_service_once()
    {
        Need();
        var config = await WriteAsync(new { Portal = Section("portal"), backup = Section("backup"), Snapshots = Section("snapshots"),
            Listen = "another's matter" });
        var first = (await CliProcess.RunAsync(["migrate", "--config", config, "--json"])).Expect(0);
        Assert.Equal(["Portal", "Backup", "Snapshots"], first.Events.Select(one => one.GetProperty("service").GetString()));
        Assert.All(first.Events, one => Assert.False(one.TryGetProperty("from", out _)));
        var second = (await CliProcess.RunAsync(["migrate", "--config", config])).Expect(0);
        Assert.Equal(3, second.Output.Count);
        Assert.All(second.Output, line => Assert.EndsWith("of the tables, and needs nothing", line, StringComparison.Ordinal));
        Assert.Equal("3", (await SqlAsync("SELECT count(*) FROM pg_tables WHERE tablename = 'schema_version' "
            + $"AND schemaname LIKE '{_prefix}%'")).Output.Single());
    }

    [Fact]
    public async Task Tables_of_a_later_program_are_refused()
    {
        Need();
        var config = await WriteAsync(new { Snapshots = Section("snapshots") });
        (await CliProcess.RunAsync(["migrate", "--config", config])).Expect(0);
        await SqlAsync($"UPDATE {_prefix}_snapshots.schema_version SET \"Version\" = 1000");
        var refused = (await CliProcess.RunAsync(["migrate", "--config", config])).Expect(1);
        Assert.EndsWith("run the later program again", Assert.Single(refused.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_told_in_a_line()
    {
        // Nobody listens at this port.
        var config = await WriteAsync(new { Portal = new { Database = new { Host = "127.0.0.1", Port = 1, Database = "vbackup",
            Schema = "portal", User = "vbackup" } } });
        var ended = (await CliProcess.RunAsync(["migrate", "--config", config])).Expect(1);
        Assert.StartsWith("vbackup: the schema portal of the database vbackup at 127.0.0.1:1: ", Assert.Single(ended.Errors),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "Portal": { "Database": { "Host": "db.example.org", "Tls": false, "Database": "d", "Schema": "s", "User": "u" } } }""",
        "Portal:Database:Tls: is false")]
    [InlineData("""{ "Portal": { "Database": { "Host": "localhost", "Password": "secret" } } }""", "Password")]
    [InlineData("""{ "Listen": "127.0.0.1:1" }""", "none of Portal:Database, Backup:Database and Snapshots:Database is there")]
    [InlineData("{", "cannot be read")]
    public async Task A_file_that_is_wrong_is_refused_before_anything_is_tried(string text, string words)
    {
        var config = Path.Combine(_folder, "services.json");
        await File.WriteAllTextAsync(config, text);
        var refused = (await CliProcess.RunAsync(["migrate", "--config", config])).Expect(2);
        Assert.Contains(words, Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refused.ToString(), StringComparison.Ordinal);
    }

    static void Need() => Assert.SkipWhen(string.IsNullOrEmpty(s_address), "needs the lab's PostgreSQL: run ./test.sh");

    object Section(string service)
    {
        _hasSchemas = true;
        var host = s_address!.Split(':')[0];
        var port = int.Parse(s_address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
        return new { Database = new { Host = host, Port = port, Database = "vbackup", Schema = $"{_prefix}_{service}", User = "vbackup",
            PasswordFile = s_passwordFile } };
    }

    async Task<string> WriteAsync(object config)
    {
        var file = Path.Combine(_folder, "services.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(config));
        return file;
    }

    static async Task<Ended> SqlAsync(string sql) => (await CliProcess.RunAsync(
        ["-Atq", "-h", s_address!.Split(':')[0], "-p", s_address.Split(':')[1], "-U", "vbackup", "-c", sql, "vbackup"],
        new Dictionary<string, string?> { ["PGPASSWORD"] = (await File.ReadAllTextAsync(s_passwordFile!)).Trim() }, "psql")).Expect(0);

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        if (_hasSchemas)
            await SqlAsync($"DROP SCHEMA IF EXISTS {_prefix}_portal, {_prefix}_backup, {_prefix}_snapshots CASCADE");
    }
}
