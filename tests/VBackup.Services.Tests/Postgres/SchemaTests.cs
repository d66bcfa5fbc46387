using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using VBackup.Platform.Databases;
using VBackup.Portal;
using VBackup.Service;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests.Postgres;

/// <summary>Tables on PostgreSQL are laid out by steps that do not change any more, when somebody says so, and only then.</summary>
public sealed class SchemaTests
{
    /// <summary>A step that was released stays as it is: what it made is out there. A change of tables is a step of its own.</summary>
    [Fact]
    public void Steps_stay_as_they_were_and_lead_to_the_version_that_the_program_knows()
    {
        string[] frozen =
        [
        ];
        Assert.Equal(frozen, [.. Digests<PortalDb>("portal"), .. Digests<BackupDb>("backup"), .. Digests<SnapshotsDb>("snapshots")]);
        Assert.Equal(PortalDb.SchemaVersion, SchemaSteps.Of<PortalDb>()[^1].Version);
        Assert.Equal(BackupDb.SchemaVersion, SchemaSteps.Of<BackupDb>()[^1].Version);
        Assert.Equal(SnapshotsDb.SchemaVersion, SchemaSteps.Of<SnapshotsDb>()[^1].Version);
    }

    [Fact]
    public Task What_the_Portal_s_steps_make_is_what_its_program_expects() => CompareAsync<PortalDb>("portal", options => new(options));

    [Fact]
    public Task What_the_vBackup_service_s_steps_make_is_what_its_program_expects() =>
        CompareAsync<BackupDb>("backup", options => new(options));

    [Fact]
    public Task What_the_vSnapshot_service_s_steps_make_is_what_its_program_expects() =>
        CompareAsync<SnapshotsDb>("snapshots", options => new(options));

    [Fact]
    public async Task A_service_lays_out_no_tables()
    {
        PostgresSchemas.Skip();
        await using var schemas = new PostgresSchemas();
        var database = schemas.OpenAgain<BackupDb>("none", options => new(options));
        var refused = await Assert.ThrowsAsync<OtherSchemaException>(() => database.PrepareAsync(BackupDb.SchemaVersion, default));
        Assert.EndsWith("has no tables yet: run 'vbackup migrate'", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await PostgresSchemas.AskAsync(
            $"SELECT nspname FROM pg_namespace WHERE nspname = '{schemas.SchemaOf("none")}'"));
    }

    [Fact]
    public async Task Tables_of_an_earlier_and_of_a_later_program_are_refused_and_stay_as_they_are()
    {
        PostgresSchemas.Skip();
        await using var schemas = new PostgresSchemas();
        var database = await schemas.MakeAsync<BackupDb>("backup", BackupDb.SchemaVersion, options => new(options));
        var earlier = await Assert.ThrowsAsync<OtherSchemaException>(() => database.PrepareAsync(BackupDb.SchemaVersion + 1, default));
        Assert.EndsWith($"this program needs version {BackupDb.SchemaVersion + 1}: run 'vbackup migrate'", earlier.Message,
            StringComparison.Ordinal);
        await PostgresSchemas.AskAsync($"UPDATE {schemas.SchemaOf("backup")}.schema_version SET \"Version\" = 1000");
        var later = await Assert.ThrowsAsync<OtherSchemaException>(() => database.PrepareAsync(BackupDb.SchemaVersion, default));
        Assert.Contains("run the later program again", later.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<OtherSchemaException>(() => ((PostgresDatabase<BackupDb>)database).MigrateAsync(default));
        Assert.Equal(["1000"], await PostgresSchemas.AskAsync($"SELECT \"Version\" FROM {schemas.SchemaOf("backup")}.schema_version"));
    }

    [Fact]
    public async Task Of_several_who_migrate_at_once_one_does_it()
    {
        PostgresSchemas.Skip();
        await using var schemas = new PostgresSchemas();
        var changes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            ((PostgresDatabase<SnapshotsDb>)schemas.OpenAgain<SnapshotsDb>("snapshots", options => new(options))).MigrateAsync(default)));
        Assert.Single(changes, change => change is { From: null, To: SnapshotsDb.SchemaVersion });
        Assert.Equal(3, changes.Count(change => change.ChangesNothing));
        // Now it is there, and goes with what this made.
        await schemas.MakeAsync<SnapshotsDb>("snapshots", SnapshotsDb.SchemaVersion, options => new(options));
    }

    [Fact]
    public async Task A_password_is_read_again_for_each_new_connection_and_is_in_no_message()
    {
        PostgresSchemas.Skip();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "not-the-secret\n");
            await using var database = new PostgresDatabase<SnapshotsDb>(PostgresSchemas.Settings("nowhere") with { PasswordFile = file },
                options => new(options));
            var wrong = await Assert.ThrowsAsync<DatabaseFailedException>(() => database.PrepareAsync(1, default));
            Assert.DoesNotContain("not-the-secret", wrong.ToString(), StringComparison.Ordinal);
            File.Copy(PostgresSchemas.Settings("nowhere").PasswordFile!, file, overwrite: true);
            await Assert.ThrowsAsync<OtherSchemaException>(() => database.PrepareAsync(1, default));
        }
        finally
        {
            File.Delete(file);
        }
    }

    static IEnumerable<string> Digests<TDb>(string service) where TDb : ServiceDb => SchemaSteps.Of<TDb>().Select(step =>
        $"{service} {step.Version} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(step.Sql)))[..16]}");

    static async Task CompareAsync<TDb>(string service, Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb
    {
        PostgresSchemas.Skip();
        await using var schemas = new PostgresSchemas();
        var version = SchemaSteps.Of<TDb>()[^1].Version;
        var database = await schemas.MakeAsync(service, version, make);
        var (migrated, expected) = (schemas.SchemaOf(service), schemas.SchemaOf("expected"));
        await using var db = await database.CreateDbContextAsync();
        await using (var connection = await PostgresSchemas.ConnectAsync())
        {
            await using var command = new NpgsqlCommand(
                $"CREATE SCHEMA {expected}; SET search_path TO {expected}; {db.Database.GenerateCreateScript()}", connection);
            await command.ExecuteNonQueryAsync();
        }
        try
        {
            var found = await LayoutAsync(migrated);
            Assert.NotEmpty(found);
            Assert.Equal(await LayoutAsync(expected), found);
        }
        finally
        {
            await PostgresSchemas.AskAsync($"DROP SCHEMA {expected} CASCADE");
        }
    }

    // In the order of names: a step adds columns behind those that there are.
    static async Task<List<string>> LayoutAsync(string schema) =>
    [
        .. await PostgresSchemas.AskAsync($"""
            SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, o.collname, a.attidentity,
                pg_get_expr(d.adbin, d.adrelid)
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_collation o ON o.oid = a.attcollation
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE c.relnamespace = '{schema}'::regnamespace ORDER BY c.relname COLLATE "C", a.attname COLLATE "C"
            """),
        .. (await PostgresSchemas.AskAsync(
            $"SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY indexname COLLATE \"C\""))
            .Select(line => line.Replace($" {schema}.", " ", StringComparison.Ordinal)),
        .. await PostgresSchemas.AskAsync($"""
            SELECT c.relname, k.conname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE c.relnamespace = '{schema}'::regnamespace ORDER BY c.relname COLLATE "C", k.conname COLLATE "C"
            """),
    ];
}
