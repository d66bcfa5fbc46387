using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

public sealed record NewRoleRequest([property: Required] string? Name, [property: Required] IReadOnlyList<string>? Permissions);

public sealed record RoleRequest([property: Required] IReadOnlyList<string>? Permissions);

public sealed record RoleView(string Name, bool BuiltIn, IReadOnlyList<Permission> Permissions);

/// <summary>What members may be: the built-in roles, and those that a project made for itself.</summary>
static class Roles
{
    static readonly Dictionary<string, Permission> s_permissions =
        Enum.GetValues<Permission>().ToDictionary(one => one.ToString(), StringComparer.Ordinal);

    static readonly Listing<CustomRole> s_list =
        new("name", [new ListOrder<CustomRole, string, string>("name", one => one.Name, one => one.Name)]);

    public static void Map(RouteGroupBuilder api)
    {
        var roles = api.MapGroup("/roles");
        roles.MapGet("", List).Needs(Permission.ManageAccess).Lists(s_list).Produces<Page<RoleView>>()
            .WithSummary("List the project's own roles");
        roles.MapPost("", Create).Needs(Permission.ManageAccess).Creates<RoleView>().WithSummary("Make a role");
        roles.MapGet("/{name}", Get).Needs(Permission.ManageAccess).Produces<RoleView>().WithSummary("Get a role, built-in or own");
        roles.MapPut("/{name}", Update).Needs(Permission.ManageAccess).Updates<RoleView>().WithSummary("Change what a role allows");
        roles.MapDelete("/{name}", Delete).Needs(Permission.ManageAccess).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a role that nobody has");
    }

    /// <summary>Whether members can have it.</summary>
    public static async Task<bool> ExistsAsync(ApiChange change, string name)
    {
        var project = change.Caller.InProject;
        return BuiltInRoles.All.ContainsKey(name)
            || await change.Db.Set<CustomRole>().AnyAsync(one => one.Project == project && one.Name == name, change.Cancellation)
                .ConfigureAwait(false);
    }

    static Task<IResult> List(HttpContext http, PortalDb db)
    {
        var project = http.Caller().InProject;
        return s_list.AnswerAsync(http, db.Set<CustomRole>().AsNoTracking().Where(one => one.Project == project), View);
    }

    static async Task<IResult> Get(string name, HttpContext http, PortalDb db)
    {
        if (BuiltInRoles.All.TryGetValue(name, out var permissions))
            return TypedResults.Ok(new RoleView(name, true, [.. permissions.Order()]));
        var role = await db.Set<CustomRole>().FindAsync([http.Caller().InProject, name], http.RequestAborted).ConfigureAwait(false);
        if (role is null) return Problem.NoSuch("role");
        Versions.Tell(http, role.Version);
        return TypedResults.Ok(View(role));
    }

    static async Task<IResult> Create(NewRoleRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.Name("name", request.Name) is { } wrongName) return wrongName;
        var (permissions, wrong) = Read(request.Permissions);
        if (wrong is not null) return wrong;
        return await changes.CreateAsync(http, request, async change =>
        {
            var name = request.Name!;
            if (BuiltInRoles.All.Keys.Contains(name, StringComparer.OrdinalIgnoreCase)
                || await ExistsAsync(change, name).ConfigureAwait(false))
                return Problem.Taken("role", name);
            var role = new CustomRole(change.Caller.InProject, name, permissions!);
            change.Db.Add(role);
            change.Audit("createRole", $"role {name}: {string.Join(' ', permissions!)}");
            return new Creation.Made($"/api/v1/roles/{name}", View(role), Version: role.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(string name, RoleRequest request, HttpContext http, ApiChanges changes)
    {
        var (permissions, wrong) = Read(request.Permissions);
        if (wrong is not null) return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            if (BuiltInRoles.All.ContainsKey(name)) return BuiltIn();
            var role = await change.Db.Set<CustomRole>().FindAsync([change.Caller.InProject, name], change.Cancellation)
                .ConfigureAwait(false);
            if (role is null) return Problem.NoSuch("role");
            if (Versions.Needed(http, role.Version) is { } outdated) return outdated;
            role.Allow(permissions!);
            change.Audit("updateRole", $"role {name}: {string.Join(' ', permissions!)}");
            Versions.Tell(http, role.Version);
            return TypedResults.Ok(View(role));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Delete(string name, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        if (BuiltInRoles.All.ContainsKey(name)) return BuiltIn();
        var project = change.Caller.InProject;
        var role = await change.Db.Set<CustomRole>().FindAsync([project, name], change.Cancellation).ConfigureAwait(false);
        if (role is null) return Problem.NoSuch("role");
        if (Versions.Wanted(http, role.Version) is { } outdated) return outdated;
        var holders = await (from member in change.Db.Set<Membership>()
                             where member.Project == project && member.Role == name
                             join user in change.Db.Set<User>() on member.User equals user.Id
                             orderby user.Name
                             select user.Name).Take(10).ToListAsync(change.Cancellation).ConfigureAwait(false);
        if (holders.Count > 0) return new Problem(ProblemCode.InUse, $"Members have this role: {string.Join(", ", holders)}.");
        change.Db.Remove(role);
        change.Audit("deleteRole", $"role {name}");
        return TypedResults.NoContent();
    });

    static Problem BuiltIn() => new(ProblemCode.InUse, "It is built in, and stays as it is.");

    static (IReadOnlyList<Permission>? Permissions, Problem? Wrong) Read(IReadOnlyList<string>? names)
    {
        if (names is null) return (null, Problem.Wrong("permissions", "They are needed."));
        var permissions = new SortedSet<Permission>();
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] is null || !s_permissions.TryGetValue(names[i], out var permission))
                return (null, Problem.Wrong($"permissions[{i}]", "There is no such permission; docs/api.md has all of them."));
            permissions.Add(permission);
        }
        return ([.. permissions], null);
    }

    static RoleView View(CustomRole role) => new(role.Name, false, role.Permissions);
}
