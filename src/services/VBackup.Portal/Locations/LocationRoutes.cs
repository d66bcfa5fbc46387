using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Locations;

/// <param name="Address">A folder, or <c>s3://bucket/prefix</c>.</param>
/// <param name="Endpoint">Of an S3 other than Amazon's.</param>
/// <param name="SecretKey">Taken, and never told again.</param>
/// <param name="QuotaBytes">No limit, when it is not said.</param>
public sealed record NewLocationRequest([property: Required] string? Name, [property: Required] string? Region,
    [property: Required] LocationKindView? Kind, [property: Required] string? Address, string? Endpoint,
    string? S3Region,
    string? AccessKey, string? SecretKey, long? QuotaBytes, int? SoftDeleteDays, bool? IsDefault)
{
    // It may end in a log, and the secret must not.
    public override string ToString() => $"location {Name}";
}

/// <param name="QuotaBytes">Null for no limit.</param>
public sealed record LocationRequest(long? QuotaBytes, [property: Required] int? SoftDeleteDays, [property: Required] bool? IsDefault);

/// <param name="SecretKey">Taken, and never told again.</param>
public sealed record CredentialsRequest([property: Required] string? AccessKey, [property: Required] string? SecretKey)
{
    // It may end in a log.
    public override string ToString() => "credentials";
}

/// <param name="MinDays">Nobody deletes a younger point.</param>
/// <param name="MaxDays">An older one is deleted, whoever made it.</param>
/// <param name="ChangeDays">For so long the lock can still be changed, or taken away.</param>
public sealed record LockRequest(int? MinDays, int? MaxDays, [property: Required] int? ChangeDays);

/// <param name="FinalAt">From then on nobody changes it, or takes it away.</param>
/// <param name="IsEnforcedByStore">Else the services keep to it, and whoever has the store's credentials does not have to.</param>
public sealed record LockView(int? MinDays, int? MaxDays, DateTimeOffset FinalAt, bool IsEnforcedByStore);

/// <param name="Refusal">What it lacks, as its last check found; null when it lacks nothing. One that is ready is used all the
/// same.</param>
/// <param name="VerifiedAt">When all that it held was last read and checked; null when it never was.</param>
/// <param name="Finding">What the last verification found damaged, or why something failed; null when all was well, if it was looked
/// at.</param>
/// <param name="CanHoldPoints">Its store can keep to the minimum of a lock, against everybody: a bucket with object lock.</param>
/// <param name="Lock">Null when it has none.</param>
public sealed record LocationView(LocationId Id, string Name, string Region, LocationKindView Kind, string Address, string? Endpoint,
    LocationStateView State, string? Refusal, bool IsDefault, long? QuotaBytes, long UsedBytes, int SoftDeleteDays,
    DateTimeOffset? VerifiedAt, string? Finding, bool CanHoldPoints, LockView? Lock);

/// <summary>Where the project keeps its points. The vBackup service has them; what opens one goes to it and is not kept here.</summary>
static class LocationRoutes
{
    const int NamesShown = 5;

    static readonly Listing<LocationRow> s_list = new("name",
        [
            new ListOrder<LocationRow, string, LocationId>("name", one => one.Name, one => one.Id),
            new ListOrder<LocationRow, LocationId, LocationId>("createdAt", one => one.Id, one => one.Id),
            new ListOrder<LocationRow, long, LocationId>("usedBytes", one => one.UsedBytes, one => one.Id),
        ], "name", "region", "state");

    public static void Map(RouteGroupBuilder api)
    {
        var locations = api.MapGroup("/locations");
        locations.MapGet("", List).Needs(Permission.ListLocation).Lists(s_list).Produces<Page<LocationView>>()
            .WithSummary("List the project's locations");
        locations.MapPost("", Create).Needs(Permission.CreateLocation).Creates<LocationView>()
            .WithSummary("Make a location; a worker then finds out whether it can be used");
        locations.MapGet("/{id:guid}", Get).Needs(Permission.GetLocation).Produces<LocationView>().WithSummary("Get a location");
        locations.MapPut("/{id:guid}", Update).Needs(Permission.UpdateLocation).Updates<LocationView>()
            .WithSummary("Change a location's quota, days in the bin, and whether it is the default");
        locations.MapPut("/{id:guid}/credentials", SetCredentials).Needs(Permission.UpdateLocation).Updates<LocationView>()
            .WithSummary("Give other credentials for a location's S3; a worker then finds out whether they open it");
        locations.MapPut("/{id:guid}/lock", Lock).Needs(Permission.LockLocation).Updates<LocationView>()
            .WithSummary("Lock a location, or change its lock as long as it is not final");
        locations.MapDelete("/{id:guid}/lock", Unlock).Needs(Permission.LockLocation).Produces<LocationView>()
            .WithSummary("Take a location's lock away, as long as it is not final");
        locations.MapDelete("/{id:guid}", Delete).Needs(Permission.DeleteLocation).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Delete a location that no plan uses and that has no points");
    }

    public static async Task<LocationRow?> FindAsync(PortalDb db, ProjectId project, LocationId id, CancellationToken cancellation) =>
        await db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is { IsDeleted: false } location
            && location.Project == project ? location : null;

    static async Task<IResult> List(HttpContext http, PortalDb db) =>
        (await ListAsync(db, http.Caller(), http.Request.Query, http.RequestAborted).ConfigureAwait(false)).Answer(TypedResults.Ok);

    /// <summary>By the API and in pages.</summary>
    public static async Task<Outcome<Page<LocationView>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListLocation) is { } lacks) return lacks;
        var project = caller.InProject;
        var filters = new ListFilters();
        var (name, region) = (query.One("name"), query.One("region"));
        var inState = filters.OneOf<LocationStateView>("state", query.One("state"));
        if (filters.Wrong is { } wrong) return wrong;
        var rows = db.Locations.AsNoTracking().Where(one => one.Project == project && !one.IsDeleted
            && (name == null || one.Name == name) && (region == null || one.Region == region));
        if (inState is not null) rows = rows.Where(one => one.State == inState);
        return await s_list.PageAsync(query, rows, View, cancellation).ConfigureAwait(false);
    }

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        if (await FindAsync(db, http.Caller().InProject, LocationId.From(id), http.RequestAborted)
            .ConfigureAwait(false) is not { } location)
            return Problem.NoSuch("location");
        Versions.Tell(http, location.Version);
        return TypedResults.Ok(View(location));
    }

    static async Task<IResult> Create(NewLocationRequest request, HttpContext http, ApiChanges changes, ILocationRegistry registry)
    {
        if ((Input.Text("name", request.Name) ?? Input.Present("region", request.Region) ?? Input.Present("kind", request.Kind)
            ?? Input.Present("address", request.Address)) is { } missing) return missing;
        LocationId? id = null;
        return await changes.CreateAsync(http, request, async change =>
        {
            if (!await change.Db.Regions.AnyAsync(one => one.Name == request.Region, change.Cancellation).ConfigureAwait(false))
                return Problem.Wrong("region", "There is no such region.");
            // The same when this is run again: the service makes one of each id.
            id ??= change.NewId<LocationId>();
            var wish = new NewLocation(change.Caller.InProject, request.Region!, request.Name!, request.Kind!.Value, request.Address!,
                request.Endpoint,
                request.S3Region, request.AccessKey, request.SecretKey, request.QuotaBytes, request.SoftDeleteDays ?? 0,
                    request.IsDefault == true);
            var answer = await registry.CreateAsync(id.Value, wish, change.Cancellation).ConfigureAwait(false);
            if (ProblemOf(answer) is { } problem) return problem;
            // The service tells it by a message too; whoever reads it right after his change must find it changed.
            var location = await HeardLocation.HearAsync(change.Change, answer.Location!, change.Cancellation).ConfigureAwait(false);
            change.Audit("createLocation", $"location {location.Name}: {location.Address}");
            return new Creation.Made($"/api/v1/locations/{location.Id}", View(location), Version: location.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(Guid id, LocationRequest request, HttpContext http, ApiChanges changes, ILocationRegistry registry)
    {
        if ((Input.Present("softDeleteDays", request.SoftDeleteDays) ?? Input.Present("isDefault", request.IsDefault)) is { } missing)
            return missing;
        return await changes.MakeAsync(http, async change =>
        {
            var project = change.Caller.InProject;
            if (await FindAsync(change.Db, project, LocationId.From(id), change.Cancellation).ConfigureAwait(false) is not { } location)
                return Problem.NoSuch("location");
            if (Versions.Needed(http, location.Version) is { } outdated) return outdated;
            var wish = new LocationChange(request.QuotaBytes, request.QuotaBytes is null, request.SoftDeleteDays, request.IsDefault);
            var answer = await registry.ChangeAsync(project, location.Id, wish, change.Cancellation).ConfigureAwait(false);
            if (ProblemOf(answer) is { } problem) return problem;
            await HeardLocation.HearAsync(change.Change, answer.Location!, change.Cancellation).ConfigureAwait(false);
            change.Audit("updateLocation", $"location {location.Name}");
            Versions.Tell(http, location.Version);
            return TypedResults.Ok(View(location));
        }).ConfigureAwait(false);
    }

    static async Task<IResult> SetCredentials(Guid id, CredentialsRequest request, HttpContext http, ApiChanges changes,
        ILocationRegistry registry)
    {
        if ((Input.Present("accessKey", request.AccessKey) ?? Input.Present("secretKey", request.SecretKey)) is { } missing) return missing;
        return await changes.MakeAsync(http, async change =>
        {
            var project = change.Caller.InProject;
            if (await FindAsync(change.Db, project, LocationId.From(id), change.Cancellation).ConfigureAwait(false) is not { } location)
                return Problem.NoSuch("location");
            if (Versions.Needed(http, location.Version) is { } outdated) return outdated;
            var answer = await registry.SetCredentialsAsync(project, location.Id, new(request.AccessKey!, request.SecretKey!),
                change.Cancellation).ConfigureAwait(false);
            if (ProblemOf(answer) is { } problem) return problem;
            await HeardLocation.HearAsync(change.Change, answer.Location!, change.Cancellation).ConfigureAwait(false);
            // Not even the access key: whoever mixes the two up has written the secret there.
            change.Audit("setLocationCredentials", $"location {location.Name}");
            Versions.Tell(http, location.Version);
            return TypedResults.Ok(View(location));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Lock(Guid id, LockRequest request, HttpContext http, ApiChanges changes, ILocationRegistry registry) =>
        changes.MakeAsync(http, async change => Told(http, await LocationLockRequests.LockAsync(change, registry, LocationId.From(id),
            request, location => Versions.Needed(http, location.Version)).ConfigureAwait(false)));

    static Task<IResult> Unlock(Guid id, HttpContext http, ApiChanges changes, ILocationRegistry registry) =>
        changes.MakeAsync(http, async change => Told(http, await LocationLockRequests.UnlockAsync(change, registry, LocationId.From(id),
            location => Versions.Wanted(http, location.Version)).ConfigureAwait(false)));

    static IResult Told(HttpContext http, Outcome<LocationRow> location) => location.Answer(row =>
    {
        Versions.Tell(http, row.Version);
        return TypedResults.Ok(View(row));
    });

    static Task<IResult> Delete(Guid id, HttpContext http, ApiChanges changes, ILocationRegistry registry) =>
        changes.MakeAsync(http, async change =>
    {
        var project = change.Caller.InProject;
        if (await FindAsync(change.Db, project, LocationId.From(id), change.Cancellation).ConfigureAwait(false) is not { } location)
            return Problem.NoSuch("location");
        if (Versions.Wanted(http, location.Version) is { } outdated) return outdated;
        // Nobody puts it on a plan meanwhile: changes of this database come one after the other.
        var users = await change.Db.Plans.Where(plan => plan.Location == location.Id).OrderBy(plan => plan.ServerName)
            .Select(plan => plan.ServerName)
            .ToListAsync(change.Cancellation).ConfigureAwait(false);
        if (users.Count > 0)
            return new Problem(ProblemCode.LocationInUse, $"The plans of {string.Join(", ", users.Take(NamesShown))}"
                + $"{(users.Count > NamesShown ? $" and {users.Count - NamesShown} more" : "")} use it: give them another location first.");
        var answer = await registry.DeleteAsync(project, location.Id, change.Cancellation).ConfigureAwait(false);
        if (ProblemOf(answer) is { } problem) return problem;
        await HeardLocation.HearAsync(change.Change, answer.Location!, change.Cancellation).ConfigureAwait(false);
        change.Audit("deleteLocation", $"location {location.Name}");
        return TypedResults.NoContent();
    });

    /// <summary>Why the vBackup service did not do it.</summary>
    public static Problem? ProblemOf(LocationAnswer answer) => answer.Location is not null ? null : answer.Code switch
    {
        "invalid" => Problem.Of(Refusal.Invalid(answer.Field!, answer.Reason!)),
        "not-found" => Problem.NoSuch("location"),
        _ => Problem.Of(Refusal.Conflict(answer.Code!, answer.Reason!) with { Field = answer.Field }),
    };

    static LocationView View(LocationRow location) => new(location.Id, location.Name, location.Region, location.Kind, location.Address,
        location.Endpoint, location.State, location.Refusal, location.IsDefault, location.QuotaBytes, location.UsedBytes,
        location.SoftDeleteDays,
        location.VerifiedAt, location.Finding, location.CanHoldPoints, LockOf(location));

    public static LockView? LockOf(LocationRow location) => location.Lock is { } held
        ? new(held.MinDays, held.MaxDays, held.FinalAt, held.IsEnforcedByStore) : null;
}
