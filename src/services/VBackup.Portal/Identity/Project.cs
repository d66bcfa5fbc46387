using VBackup.Contracts.Ids;

namespace VBackup.Portal.Identity;

/// <summary>A tenant.</summary>
public sealed class Project
{
    public const string Default = "default";

    Project() { }

    public Project(ProjectId id, string name, DateTimeOffset now) => (Id, Name, CreatedAt, Version) = (id, name, now, 1);

    public ProjectId Id { get; private set; }
    public long Version { get; private set; }

    /// <summary>Unique.</summary>
    public string Name { get; private set; } = "";
    public DateTimeOffset CreatedAt { get; private set; }

    public void Rename(string name) => (Name, Version) = (name, Version + 1);
}
