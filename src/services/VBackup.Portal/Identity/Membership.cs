using VBackup.Contracts.Ids;

namespace VBackup.Portal.Identity;

/// <summary>What a user is in a project.</summary>
public sealed class Membership
{
    Membership() { }

    public Membership(ProjectId project, UserId user, string role) => (Project, User, Role, Version) = (project, user, role, 1);

    public ProjectId Project { get; private set; }
    public UserId User { get; private set; }
    public long Version { get; private set; }

    /// <summary>A built-in role's name, or one of the project's own.</summary>
    public string Role { get; private set; } = "";

    public void Become(string role) => (Role, Version) = (role, Version + 1);
}

/// <summary>A role that a project made for itself.</summary>
public sealed class CustomRole
{
    CustomRole() { }

    public CustomRole(ProjectId project, string name, IReadOnlyList<Permission> permissions) =>
        (Project, Name, Permissions, Version) = (project, name, permissions, 1);

    public ProjectId Project { get; private set; }

    /// <summary>Unique in the project.</summary>
    public string Name { get; private set; } = "";
    public long Version { get; private set; }

    /// <summary>Each once, in the order of the enumeration.</summary>
    public IReadOnlyList<Permission> Permissions { get; private set; } = [];

    public void Allow(IReadOnlyList<Permission> permissions) => (Permissions, Version) = (permissions, Version + 1);
}
