using System.Text.Json.Serialization;
using VBackup.Cli.Terminal;
using VBackup.Contracts.Ids;
using VBackup.Portal.Declarations;
using VBackup.Vault.Format;

namespace VBackup.Cli.Recovering;

/// <summary>What came back, and what did not and why.</summary>
sealed class RecoveryReport
{
    readonly List<RecoveredProjectEvent> _projects = [];
    readonly List<string> _missing = [];

    /// <summary>Something that was there cannot be read.</summary>
    public bool HasDamage { get; private set; }

    public void HasNoVault(RecoveryPlace place) => _missing.Add($"{place.Address}: there is no vault of a project");

    public void IsNotOpened(RecoveryPlace place, ProjectId project) =>
        _missing.Add($"{place.VaultAddress(project)}: no key that was given opens it; give the project's recovery key, or the master key "
            + "of its system");

    public void IsDamaged(RecoveryPlace place, ProjectId project, DamageException damage)
    {
        HasDamage = true;
        _missing.Add($"{place.VaultAddress(project)}: {damage.Message}");
    }

    public string WhyNothing() => $"nothing was built: {string.Join("; ", _missing)}";

    public void CameBack(RecoveredProject made, ProjectFinding found, IReadOnlyList<string> problems)
    {
        HasDamage |= found.Locations.Any(location => location.Damages.Count > 0);
        _projects.Add(new(found.Service.Project, made.Name, made.Policies, made.Plans, made.Webhooks, made.RestoreSchedules,
            found.Locations,
             [.. problems, .. made.Notes]));
    }

    public void Show(Screen screen, string folder)
    {
        var table = new TextTable("PROJECT", "LOCATION", ">POINTS", ">IN BIN", ">POLICIES", ">PLANS", ">WEBHOOKS", ">SCHEDULES");
        foreach (var project in _projects)
        {
            table.Add(project.Name, "", $"{project.Locations.Sum(one => one.Points)}", $"{project.Locations.Sum(one => one.InBin)}",
                $"{project.Policies}", $"{project.Plans}", $"{project.Webhooks}", $"{project.RestoreSchedules}");
            foreach (var location in project.Locations) table.Add("", $"{location.Name} ({location.Address})", $"{location.Points}",
                $"{location.InBin}", "", "", "", "");
        }
        screen.Table(table);
        foreach (var project in _projects)
        {
            foreach (var problem in project.Problems) screen.Line($"{project.Name}: {problem}");
            foreach (var location in project.Locations)
                foreach (var line in location.Damages.Concat(location.Problems)) screen.Line($"{location.Name}: {line}");
        }
        foreach (var missing in _missing) screen.Line(missing);
        screen.Line($"Start it with 'vbackup up --data {folder}'. No plan and no scheduled restore runs until it is enabled: see first "
            + "that the old system is gone.");
        screen.Event(new(_projects, _missing), RecoveryJson.Default.RecoveredEvent);
    }
}

/// <param name="Problems">Of the project as a whole.</param>
sealed record RecoveredProjectEvent(
    ProjectId Project, string Name, int Policies, int Plans, int Webhooks, int RestoreSchedules, IReadOnlyList<LocationFinding> Locations,
    IReadOnlyList<string> Problems);

/// <param name="Missing">Places of which nothing came back, and why.</param>
sealed record RecoveredEvent(IReadOnlyList<RecoveredProjectEvent> Projects, IReadOnlyList<string> Missing)
{
    [JsonPropertyOrder(-1)] public string Event { get; } = "completed";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RecoveredEvent))]
sealed partial class RecoveryJson : JsonSerializerContext;
