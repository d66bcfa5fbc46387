using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using VBackup.Contracts.Ids;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Api;

/// <summary>Who asks, in which project, and what he may do there.</summary>
/// <param name="Project">Null for an administrator outside of every project, who then has no permissions.</param>
/// <param name="Role">Null where he is no member.</param>
public sealed record Caller(ApiTokenId Token, bool IsSession, UserId User, string UserName, bool IsAdministrator, ProjectId? Project,
    string? ProjectName, string? Role, IReadOnlySet<Permission> Permissions)
{
    /// <summary>REQUIRES: the route needs a permission, which nobody has outside of a project.</summary>
    public ProjectId InProject => Project
        ?? throw new InvalidOperationException("A route that works within a project let somebody in who is in none.");

    /// <summary>Where what is asked for says which permission it takes. Null when he has it.</summary>
    internal Problem? Lacks(Permission permission) => new AccessRule.InProject(permission).Refuses(this);

    public bool May(Permission permission) => Permissions.Contains(permission);
}

/// <summary>How <see cref="Caller"/> travels with a request.</summary>
sealed class CallerIdentity(Caller caller) : ClaimsIdentity([new(ClaimTypes.Name, caller.UserName)], BearerTokens.SchemeName)
{
    public Caller Caller => caller;
}

public static class CallerOfRequest
{
    /// <summary>Null when nobody showed a token.</summary>
    public static Caller? CallerOrNobody(this HttpContext http) => (http.User.Identity as CallerIdentity)?.Caller;

    /// <summary>REQUIRES: the route is not open.</summary>
    public static Caller Caller(this HttpContext http) =>
        http.CallerOrNobody() ?? throw new InvalidOperationException("An open route asked who calls.");

    /// <summary>Where the request comes from, for the audit.</summary>
    public static string Address(this HttpContext http) => http.Connection.RemoteIpAddress?.ToString() ?? "unknown";
}
