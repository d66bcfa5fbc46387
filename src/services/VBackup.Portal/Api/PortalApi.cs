using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using VBackup.Contracts.Limits;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Portal.Audit;
using VBackup.Portal.DeadMessages;
using VBackup.Portal.Identity;
using VBackup.Portal.Images;
using VBackup.Portal.Keys;
using VBackup.Portal.Locations;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace VBackup.Portal.Api;

/// <summary>What whoever runs the Portal says about its API.</summary>
public sealed record PortalApiOptions
{
    /// <summary>How many requests a token may send at once.</summary>
    public int RequestsAtOnceMax { get; init; } = 100;

    /// <summary>How many it may send in each <see cref="ReplenishmentPeriod"/> for long.</summary>
    public int RequestsPerPeriod { get; init; } = 20;

    public TimeSpan ReplenishmentPeriod { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How many snapshots users may ask for.</summary>
    public SnapshotCaps Snapshots { get; init; } = new();

    /// <summary>Whether the region's workers have a folder for image files.</summary>
    public bool HasImageFolder { get; init; }

    /// <summary>How dear a guess at a password is.</summary>
    public int PasswordIterations { get; init; } = Passwords.IterationsDefault;

    /// <summary>Where webhooks may go.</summary>
    public WebhookSettings Webhooks { get; init; } = new();
}

/// <summary>Puts the API into a web application: its services, what stands before its routes, and the routes.</summary>
public static class PortalApi
{
    public const string Root = "/api";
    public const long BodyBytesMax = 1 << 20;
    const string Ready = "ready";

    /// <remarks>REQUIRES: an <see cref="IDbContextFactory{TContext}"/> of <see cref="PortalDb"/>, an <c>ILocationRegistry</c>,
    /// <c>IProjectKeys</c>, an id source and a clock
    /// among the services.</remarks>
    /// <remarks>REQUIRES: an <see cref="IDbContextFactory{TContext}"/> of <see cref="PortalDb"/>, an <c>ILocationRegistry</c>, a master
    /// key, an id source and a clock among the services.</remarks>
    public static IServiceCollection AddPortalApi(this IServiceCollection services, PortalApiOptions options)
    {
        services.TryAddSingleton<ChangeMaker<PortalDb>>();
        services.AddScoped(provider => provider.GetRequiredService<IDbContextFactory<PortalDb>>().CreateDbContext());
        services.AddSingleton(_ => new Passwords(options.PasswordIterations));
        services.AddSingleton(options.Snapshots).AddSingleton(new ImagePlace(options.HasImageFolder));
        services.AddSingleton<WebhookSecrets>().AddSingleton(options.Webhooks);
        services.AddSingleton<SignInThrottle>().AddSingleton<CredentialCheck>().AddSingleton<CallerSearch>().AddSingleton<ApiChanges>();
        services.AddSingleton<Sessions>().AddSingleton<OwnPassword>().AddSingleton<RunFollowers>();
        services.AddSingleton<IDeadLetters>(provider =>
            new OutboxDeadLetters<PortalDb>("portal", provider.GetRequiredService<ChangeMaker<PortalDb>>()));
        services.AddAuthentication(BearerTokens.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, BearerTokens>(BearerTokens.SchemeName, null);
        services.AddAuthorization();
        services.AddSingleton<IAuthorizationHandler, AccessRuleHandler>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, AccessRefusal>();
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.Configure<JsonOptions>(json => ApiJson.Configure(json.SerializerOptions));
        services.AddRateLimiter(limiter => Limit(limiter, options));
        services.AddHealthChecks().AddCheck<DatabaseCheck>("database", tags: [Ready]);
        services.AddOpenApi("v1", ApiDocument.Configure);
        return services;
    }

    /// <summary>Comes before everything that answers requests. Where the server listens, it is given
    /// <see cref="UnreadableRequests.Watch"/>.</summary>
    public static void UsePortalApi(this IApplicationBuilder app)
    {
        UnreadableRequests.Listen(app);
        app.UseWhen(
            http => http.Request.Path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase),
            api => api.UseMiddleware<RequestGuard>());
        app.UseAuthentication();
        app.UseRateLimiter();
        app.UseAuthorization();
    }

    /// <exception cref="InvalidOperationException">A route does not say who may use it.</exception>
    public static void MapPortalApi(this IEndpointRouteBuilder app)
    {
        var api = app.MapGroup(Root + "/v1").AddEndpointFilterFactory(UnknownParameters.Refuse)
            .AddEndpointFilter(UnexpectedBody.RefuseAsync);
        MapFeatures(api);
        AccessOfRoutes.Check(((IEndpointRouteBuilder)api).DataSources.SelectMany(source => source.Endpoints));
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false }).IsOpen();
        app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains(Ready) }).IsOpen();
        ApiDocument.Map(app);
    }

    /// <summary>Each feature's routes.</summary>
    static void MapFeatures(RouteGroupBuilder api)
    {
        Sessions.Map(api);
        OwnPassword.Map(api);
        Users.Map(api);
        Projects.Map(api);
        Roles.Map(api);
        Memberships.Map(api);
        Tokens.Map(api);
        AuditList.Map(api);
        ServerRoutes.Map(api);
        PolicyRoutes.Map(api);
        PlanRoutes.Map(api);
        PointRoutes.Map(api);
        RunRoutes.Map(api);
        LocationRoutes.Map(api);
        SnapshotRoutes.Map(api);
        ImageRoutes.Map(api);
        KeyRoutes.Map(api);
        RestoreScheduleRoutes.Map(api);
        WebhookRoutes.Map(api);
        NotificationRoutes.Map(api);
        DeadMessageRoutes.Map(api);
    }

    static void Limit(RateLimiterOptions limiter, PortalApiOptions options)
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http =>
            http.Request.Path.StartsWithSegments(Root, StringComparison.OrdinalIgnoreCase)
                ? RateLimitPartition.GetTokenBucketLimiter(http.CallerOrNobody()?.Token.ToString() ?? http.Address(), _ => new()
                {
                    TokenLimit = options.RequestsAtOnceMax,
                    TokensPerPeriod = options.RequestsPerPeriod,
                    ReplenishmentPeriod = options.ReplenishmentPeriod,
                    QueueLimit = 0,
                })
                : RateLimitPartition.GetNoLimiter(""));
        limiter.OnRejected = (rejected, _) => new(new Problem(ProblemCode.TooManyRequests, "Too many requests were sent.",
            RetryAfter: rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var pause) ? pause : TimeSpan.FromSeconds(1))
            .ExecuteAsync(rejected.HttpContext));
    }

    sealed class DatabaseCheck(PortalDb db) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            await db.Set<SchemaVersion>().AnyAsync(cancellationToken).ConfigureAwait(false)
                ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The database is not prepared.");
    }
}
