using VBackup.Contracts.Ids;

namespace VBackup.Portal.Policies;

/// <summary>A policy as it is saved.</summary>
public sealed class PolicyRow
{
    PolicyRow() { }

    public PolicyRow(PolicyId id, ProjectId? project, string name, PolicyRules rules) =>
        (Id, Project, Name, Rules, Version) = (id, project, name, rules, 1);

    public PolicyId Id { get; private set; }
    public long Version { get; private set; }

    /// <summary>Null for a default of the system, which every project may use and nobody deletes or changes.</summary>
    public ProjectId? Project { get; private set; }
    public string Name { get; private set; } = "";
    public PolicyRules Rules { get; private set; } = null!;

    public bool IsSystemDefault => Project is null;

    public void Changes(string name, PolicyRules rules)
    {
        (Name, Rules) = (name, rules);
        Version++;
    }
}
