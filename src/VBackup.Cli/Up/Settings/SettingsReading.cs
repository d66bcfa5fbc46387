using Microsoft.Extensions.Configuration;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Up.Settings;

/// <summary>What is said on the command line, which goes before all else.</summary>
sealed record SettingFlags(string? Data, string? Listen, string? Cloud);

/// <summary>Settings as they are in use.</summary>
/// <param name="Configuration">For what reads its own part of it: the logging.</param>
sealed record SettingsInUse(UpSettings Values, IConfiguration Configuration);

/// <summary>
/// Reads the settings: the command line goes before the environment, that before <c>appsettings.json</c> in the data folder, that before
/// the defaults.
/// </summary>
static class SettingsReading
{
    public const string FileName = "appsettings.json", EnvironmentPrefix = "VBACKUP__";

    /// <exception cref="SettingsException">A setting is wrong, or is none.</exception>
    public static SettingsInUse Read(SettingFlags flags)
    {
        var outside = new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).AddInMemoryCollection(Given(flags)).Build();
        var folder = outside[nameof(UpSettings.Data)] ?? new UpSettings().Data;
        if (folder.Length == 0) throw new SettingsException(["Data: is empty: leave it out where there is none"]);
        var file = FileOf(folder);
        if (file?[nameof(UpSettings.Data)] is not null)
            throw new SettingsException([$"Data: the folder cannot be named by the {FileName} within it"]);
        var builder = new ConfigurationBuilder();
        if (file is not null) builder.AddConfiguration(file);
        var configuration = builder.AddConfiguration(outside).Build();
        var faults = SettingList.Faults(configuration).ToList();
        // One that cannot be read has its default meanwhile, so that the others are looked at as well.
        var settings = Readable(configuration, faults).Get<UpSettings>() ?? new();
        if (new SettingRules().Validate(null, settings) is { Failed: true } result)
            faults.AddRange(result.Failures.Where(line => !faults.Any(told => NameIn(told) == NameIn(line))));
        return faults.Count == 0 ? new(settings, configuration) : throw new SettingsException(faults);
    }

    static IConfiguration Readable(IConfiguration given, IReadOnlyCollection<string> faults)
    {
        var wrong = faults.Select(NameIn).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return new ConfigurationBuilder().AddInMemoryCollection(given.AsEnumerable().Where(pair =>
            !wrong.Any(name => pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase)
                || pair.Key.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)))).Build();
    }

    /// <summary>Each line begins with the setting's name.</summary>
    static string NameIn(string line) => line.Split(": ", 2)[0];

    static IEnumerable<KeyValuePair<string, string?>> Given(SettingFlags flags)
    {
        if (flags.Data is not null) yield return new(nameof(UpSettings.Data), flags.Data);
        if (flags.Listen is not null) yield return new(nameof(UpSettings.Listen), flags.Listen);
        if (flags.Cloud is not null) yield return new(nameof(UpSettings.Cloud), flags.Cloud);
    }

    static IConfigurationRoot? FileOf(string folder)
    {
        var path = Path.GetFullPath(Path.Combine(folder, FileName));
        if (Directory.Exists(path)) throw new SettingsException([$"{path} is a folder: it is to be a file, or not there"]);
        if (!File.Exists(path)) return null;
        try
        {
            return new ConfigurationBuilder().AddJsonFile(path, optional: false, reloadOnChange: false).Build();
        }
        catch (Exception wrong) when (wrong is InvalidDataException or FormatException)
        {
            throw new SettingsException([$"{path} cannot be read: {(wrong.InnerException ?? wrong).Message.ReplaceLineEndings(" ")}"]);
        }
    }
}
