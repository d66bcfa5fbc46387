using System.CommandLine;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Cli.Terminal;
using VBackup.Edge.Running;
using VBackup.Platform.Databases;
using VBackup.Portal;
using VBackup.Service;
using VBackup.Snapshots;

namespace VBackup.Cli.Migrating;

/// <summary><c>vbackup migrate</c>: lays out the tables of services on PostgreSQL as this program knows them. No service does so by
/// itself.</summary>
static class MigrateDatabases
{
    static readonly Option<string> s_config = new("--config")
    { HelpName = "FILE", Required = true, Description = "A JSON file that says where the databases of services are." };

    public static Command Define()
    {
        var command = new Command("migrate", "Lay out the tables of services on PostgreSQL as this program needs them.") { s_config };
        command.SetAction((parsed, stop) => HandleAsync(parsed.GetRequiredValue(s_config), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(string file, Screen screen, CancellationToken stop)
    {
        var databases = await DatabasesFile.ReadAsync(file, stop).ConfigureAwait(false);
        await MigrateAsync<PortalDb>("Portal", databases.Portal, options => new(options), screen, stop).ConfigureAwait(false);
        await MigrateAsync<BackupDb>("Backup", databases.Backup, options => new(options), screen, stop).ConfigureAwait(false);
        await MigrateAsync<SnapshotsDb>("Snapshots", databases.Snapshots, options => new(options), screen, stop).ConfigureAwait(false);
        return ExitStatus.Done;
    }

    static async Task MigrateAsync<TDb>(string service, ServiceSection? section, Func<DbContextOptions<TDb>, TDb> make, Screen screen,
        CancellationToken stop) where TDb : ServiceDb
    {
        if (section?.Database is not { } settings) return;
        var database = new PostgresDatabase<TDb>(settings, make);
        await using var closing = database.ConfigureAwait(false);
        var change = await database.MigrateAsync(stop).ConfigureAwait(false);
        screen.Event(new MigratedEvent(service, change.From, change.To), MigrateJson.Default.MigratedEvent);
        screen.Line($"{service}: {database.Name} " + change switch
        {
            { ChangesNothing: true } => $"has version {change.To} of the tables, and needs nothing",
            { From: { } from } => $"had version {from} of the tables, and has version {change.To} now",
            _ => $"had no tables, and has version {change.To} of them now",
        });
    }
}

/// <param name="From">Left out where there were no tables.</param>
sealed record MigratedEvent(string Service, int? From, int To)
{
    [System.Text.Json.Serialization.JsonPropertyOrder(-1)] public string Event { get; } = "migrated";
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(
    PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
[System.Text.Json.Serialization.JsonSerializable(typeof(MigratedEvent))]
sealed partial class MigrateJson : System.Text.Json.Serialization.JsonSerializerContext;
