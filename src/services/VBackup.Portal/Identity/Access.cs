using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;

namespace VBackup.Portal.Identity;

/// <summary>What a user may do in a project.</summary>
/// <param name="ProjectName">Null outside of every project.</param>
/// <param name="Role">Null for an administrator who is no member.</param>
sealed record Access(string? ProjectName, string? Role, IReadOnlySet<Permission> Permissions)
{
    static readonly IReadOnlySet<Permission> s_nothing = new HashSet<Permission>();
    static readonly IReadOnlySet<Permission> s_onlyAccess = new HashSet<Permission> { Permission.ManageAccess };

    /// <returns>Null when he has no business there: he is neither a member nor an administrator, or there is no such project.</returns>
    public static async Task<Access?> OfAsync(PortalDb db, User user, ProjectId? project, CancellationToken cancellation)
    {
        if (project is not { } id) return user.IsAdministrator ? new(null, null, s_nothing) : null;
        var name = await db.Set<Project>().Where(one => one.Id == id).Select(one => one.Name).SingleOrDefaultAsync(cancellation)
            .ConfigureAwait(false);
        if (name is null) return null;
        var role = await db.Set<Membership>().Where(one => one.Project == id && one.User == user.Id).Select(one => one.Role)
            .SingleOrDefaultAsync(cancellation).ConfigureAwait(false);
        if (role is null) return user.IsAdministrator ? new(name, null, s_onlyAccess) : null;
        var permissions = await PermissionsOfAsync(db, id, role, cancellation).ConfigureAwait(false);
        // Whoever manages the system can give himself any role, so he need not lock himself out of managing access.
        return new(name, role, user.IsAdministrator ? permissions.Union(s_onlyAccess).ToHashSet() : permissions);
    }

    /// <returns>None for a role that there is not.</returns>
    public static async Task<IReadOnlySet<Permission>> PermissionsOfAsync(PortalDb db, ProjectId project, string role,
        CancellationToken cancellation)
    {
        if (BuiltInRoles.All.TryGetValue(role, out var permissions)) return permissions;
        var custom = await db.Set<CustomRole>().AsNoTracking()
            .SingleOrDefaultAsync(one => one.Project == project && one.Name == role, cancellation)
            .ConfigureAwait(false);
        return custom is null ? s_nothing : custom.Permissions.ToHashSet();
    }
}
