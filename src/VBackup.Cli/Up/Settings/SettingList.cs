using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace VBackup.Cli.Up.Settings;

/// <summary>One setting.</summary>
/// <param name="Name">Sections and the setting, with ':' between them.</param>
/// <param name="Default">As it is written; null for none.</param>
sealed record Setting(string Name, Type Type, string? Default)
{
    /// <summary>What is wrong with a text as its value; null when it can be read.</summary>
    public string? FaultOf(string? text)
    {
        if (IsList) return string.IsNullOrEmpty(text) ? "is empty: leave it out for its default"
            : $"is a list: its first entry is {Name}:0, the next {Name}:1";
        // An empty variable is the same as null, in the .NET way.
        if (string.IsNullOrEmpty(text)) return Default is null ? null : "is empty: leave it out for its default";
        var isGood = Type switch
        {
            _ when Type == typeof(int) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
            _ when Type == typeof(bool) => bool.TryParse(text, out _),
            _ when Type == typeof(TimeOnly) => TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None,
                out _),
            _ when Type.IsEnum => Enum.GetNames(Type).Contains(text, StringComparer.OrdinalIgnoreCase),
            _ => true,
        };
        return isGood ? null : $"is '{text}'; it is {Kind}";
    }

    /// <summary>Of texts, numbered from 0.</summary>
    public bool IsList => Type == typeof(string[]);

    string Kind => Type switch
    {
        _ when Type == typeof(int) => "a whole number",
        _ when Type == typeof(bool) => "true or false",
        _ when Type == typeof(TimeOnly) => "a time of day as HH:mm",
        _ when Type.IsEnum => $"one of {string.Join(", ", Enum.GetNames(Type))}",
        _ => "a text",
    };
}

/// <summary>Which settings there are: what <see cref="UpSettings"/> has.</summary>
static class SettingList
{
    const string LogLevels = "Logging:LogLevel";

    public static IReadOnlyList<Setting> All { get; } = [.. Of(new UpSettings())];

    /// <summary>All, with these values as defaults.</summary>
    public static IEnumerable<Setting> Of(UpSettings settings) => Of(settings, "");

    static IEnumerable<Setting> Of(object section, string prefix)
    {
        foreach (var property in section.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var (name, value) = (prefix + property.Name, property.GetValue(section));
            if (property.PropertyType.Namespace == typeof(UpSettings).Namespace)
                foreach (var inner in Of(value!, name + ":")) yield return inner;
            else
                yield return new(name, Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType, Text(value));
        }
    }

    /// <summary>As it is written.</summary>
    public static string? Text(object? value) => value switch
    {
        null => null,
        bool flag => flag ? "true" : "false",
        string[] list => string.Join(", ", list),
        TimeOnly time => time.ToString("HH:mm", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>What is given and is no setting, or is none of its kind. Names come before values: a typing error must not pass for a
    /// default.</summary>
    public static IEnumerable<string> Faults(IConfiguration given)
    {
        foreach (var section in given.GetChildren())
        {
            var setting = Find(section.Path);
            if (section.GetChildren().Any())
            {
                if (setting is { IsList: true })
                {
                    if (FaultOfEntries(section) is { } wrong) yield return $"{setting.Name}: {wrong}";
                }
                else if (setting is not null) yield return $"{section.Path}: is one value, and has others within it";
                else if (All.Any(one => one.Name.StartsWith(section.Path + ":", StringComparison.OrdinalIgnoreCase)))
                    foreach (var fault in Faults(section)) yield return fault;
                else yield return Unknown(section.Path);
            }
            else if (setting is null) yield return Unknown(section.Path);
            else if (setting.FaultOf(section.Value) is { } fault) yield return $"{setting.Name}: {fault}";
        }
    }

    static string? FaultOfEntries(IConfigurationSection list) => list.GetChildren().All(entry =>
        int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _) && !string.IsNullOrEmpty(entry.Value))
            ? null : "is a list of texts, numbered from 0";

    static Setting? Find(string name) => All.FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        // The .NET way: a level for each category of log lines, whatever it is called.
        ?? (name.StartsWith(LogLevels + ":", StringComparison.OrdinalIgnoreCase) ? new(name, typeof(LogLevel), nameof(LogLevel.Warning))
            : null);

    static string Unknown(string name)
    {
        var section = name.Contains(':', StringComparison.Ordinal) ? name[..(name.LastIndexOf(':') + 1)] : "";
        var known = All.Where(one => one.Name.StartsWith(section, StringComparison.OrdinalIgnoreCase))
            .Select(one => one.Name[section.Length..].Split(':')[0])
            .Distinct().ToList();
        return known.Count == 0 ? $"{name}: is no setting"
            : $"{name}: is no setting; {(section.Length == 0 ? "there are" : $"{section.TrimEnd(':')} has")} {string.Join(", ", known)}";
    }
}
