using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Api;

/// <summary>Who may use a route. Every route of the API has one; see <see cref="AccessOfRoutes"/>.</summary>
public abstract record AccessRule : IAuthorizationRequirement
{
    AccessRule() { }

    /// <summary>Anybody, known or not.</summary>
    public sealed record Open : AccessRule;

    /// <summary>Whoever has a good token: the route shows or changes only what is his.</summary>
    public sealed record SignedIn : AccessRule;

    /// <summary>Who manages the whole system.</summary>
    public sealed record Administrator : AccessRule;

    /// <summary>Whose role in his project allows it.</summary>
    public sealed record InProject(Permission Permission) : AccessRule;

    /// <summary>Whose role allows one of these: what is asked for says which, and the route looks.</summary>
    public sealed record InProjectAny(IReadOnlyList<Permission> Permissions) : AccessRule
    {
        public string Names => string.Join(" or ", Permissions);
    }

    /// <summary>Null when it lets him in.</summary>
    internal Problem? Refuses(Caller caller) => this switch
    {
        Open or SignedIn => null,
        Administrator => caller.IsAdministrator ? null
            : new(ProblemCode.PermissionNeeded, "Only an administrator of the system may do this.", Permission: "administrator"),
        InProject(var permission) => caller.May(permission) ? null : Lacks(caller, permission.ToString()),
        InProjectAny any => any.Permissions.Any(caller.May) ? null : Lacks(caller, any.Names),
        _ => throw new InvalidOperationException($"Nobody says who passes {this}."),
    };

    static Problem Lacks(Caller caller, string permission) => new(ProblemCode.PermissionNeeded, caller.Project is null
        ? $"This session is in no project: sign in to one in which you have the permission {permission}."
        : $"Your role in this project lacks the permission {permission}.", Permission: permission);
}

/// <summary>How routes say who may use them.</summary>
public static class AccessOfRoutes
{
    public static TBuilder Needs<TBuilder>(this TBuilder route, Permission permission) where TBuilder : IEndpointConventionBuilder =>
        route.Guard(new AccessRule.InProject(permission));

    public static TBuilder NeedsAny<TBuilder>(this TBuilder route, params Permission[] permissions)
        where TBuilder : IEndpointConventionBuilder => route.Guard(new AccessRule.InProjectAny(permissions));

    public static TBuilder NeedsSignIn<TBuilder>(this TBuilder route) where TBuilder : IEndpointConventionBuilder =>
        route.Guard(new AccessRule.SignedIn());

    public static TBuilder NeedsAdministrator<TBuilder>(this TBuilder route) where TBuilder : IEndpointConventionBuilder =>
        route.Guard(new AccessRule.Administrator());

    public static TBuilder IsOpen<TBuilder>(this TBuilder route) where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new AccessRule.Open()).AllowAnonymous();

    static TBuilder Guard<TBuilder>(this TBuilder route, AccessRule rule) where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(rule).RequireAuthorization(
            new AuthorizationPolicyBuilder(BearerTokens.SchemeName).RequireAuthenticatedUser().AddRequirements(rule).Build());

    /// <exception cref="InvalidOperationException">A route says not at all, or twice, who may use it.</exception>
    internal static void Check(IEnumerable<Endpoint> endpoints)
    {
        foreach (var endpoint in endpoints)
            if (endpoint.Metadata.GetOrderedMetadata<AccessRule>().Count != 1)
                throw new InvalidOperationException(
                    $"{endpoint.DisplayName} does not say once who may use it: .Needs, .NeedsSignIn, .NeedsAdministrator or .IsOpen.");
    }
}

/// <summary>Lets a caller pass whom the route's rule lets in.</summary>
sealed class AccessRuleHandler : AuthorizationHandler<AccessRule>
{
    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, AccessRule requirement)
    {
        if (context.User.Identity is CallerIdentity identity && requirement.Refuses(identity.Caller) is null) context.Succeed(requirement);
        return Task.CompletedTask;
    }
}

/// <summary>Says which permission is missing.</summary>
sealed class AccessRefusal : IAuthorizationMiddlewareResultHandler
{
    readonly AuthorizationMiddlewareResultHandler _usual = new();

    public async Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy,
        PolicyAuthorizationResult authorizeResult)
    {
        var refusal = authorizeResult.Forbidden && context.CallerOrNobody() is { } caller
            ? policy.Requirements.OfType<AccessRule>().Select(rule => rule.Refuses(caller)).FirstOrDefault(problem => problem is not null)
            : null;
        if (refusal is not null) await refusal.ExecuteAsync(context).ConfigureAwait(false);
        else await _usual.HandleAsync(next, context, policy, authorizeResult).ConfigureAwait(false);
    }
}
