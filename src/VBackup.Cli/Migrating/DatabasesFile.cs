using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Cli.Terminal;
using VBackup.Edge.Running;
using VBackup.Platform.Databases;

namespace VBackup.Cli.Migrating;

/// <summary>What a settings file says of the databases of services, by sections that have the services' names. What else is in it is
/// others' matter.</summary>
sealed record DatabasesFile
{
    const int FileSizeMax = 64 * 1024;

    public ServiceSection? Portal { get; init; }
    public ServiceSection? Backup { get; init; }
    public ServiceSection? Snapshots { get; init; }

    /// <exception cref="SettingsException">It says nothing of a database, or something that is wrong.</exception>
    public static async Task<DatabasesFile> ReadAsync(string path, CancellationToken cancellation)
    {
        var stream = await InputStream.OpenAsync(path, "settings", FileSizeMax, "settings are short", cancellation)
            .ConfigureAwait(false);
        await using var closing = stream.ConfigureAwait(false);
        DatabasesFile file;
        try
        {
            file = await JsonSerializer.DeserializeAsync(stream, DatabasesJson.Default.DatabasesFile, cancellation).ConfigureAwait(false)
                ?? new();
        }
        catch (JsonException wrong)
        {
            throw new SettingsException([$"{path} cannot be read: {wrong.Message.ReplaceLineEndings(" ")}"]);
        }
        var named = ((string Service, PostgresSettings? Database)[])[(nameof(Portal), file.Portal?.Database),
            (nameof(Backup), file.Backup?.Database), (nameof(Snapshots), file.Snapshots?.Database)];
        if (named.All(one => one.Database is null))
            throw new SettingsException([$"{path}: none of Portal:Database, Backup:Database and Snapshots:Database is there"]);
        var faults = named.SelectMany(one => one.Database?.Faults($"{one.Service}:Database") ?? []).ToList();
        return faults.Count == 0 ? file : throw new SettingsException(faults);
    }
}

sealed record ServiceSection
{
    public PostgresSettings? Database { get; init; }
}

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(DatabasesFile))]
sealed partial class DatabasesJson : JsonSerializerContext;
