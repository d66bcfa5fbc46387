using VBackup.Contracts.Ids;

namespace VBackup.Portal.Declarations;

/// <summary>Which version of a project's declarations there is, and which the vBackup service was told.</summary>
public sealed class DeclaredProject
{
    DeclaredProject() { }

    /// <param name="version">Told already, by a system that was lost; 0 for none.</param>
    public DeclaredProject(ProjectId project, long version = 0) => (Project, Version) = (project, version);

    public ProjectId Project { get; private set; }
    public long Version { get; private set; }
    public long ToldVersion { get; private set; }
    public DateTimeOffset? ToldAt { get; private set; }

    public void Changes() => Version++;

    public void IsTold(DateTimeOffset now) => (ToldVersion, ToldAt) = (Version, now);
}
