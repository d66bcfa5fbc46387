using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

/// <param name="User">By his name.</param>
public sealed record NewMembershipRequest([property: Required] string? User, [property: Required] string? Role);

public sealed record MembershipRequest([property: Required] string? Role);

public sealed record MembershipView(UserId UserId, string User, string Role);

/// <summary>Who is what in the caller's project.</summary>
static class Memberships
{
    static readonly Listing<Row> s_list =
        new("user", [new ListOrder<Row, string, UserId>("user", one => one.User, one => one.UserId)], "user", "role");

    public static void Map(RouteGroupBuilder api)
    {
        var members = api.MapGroup("/memberships");
        members.MapGet("", List).Needs(Permission.ManageAccess).Lists(s_list).Produces<Page<MembershipView>>()
            .WithSummary("List the project's members");
        members.MapPost("", Create).Needs(Permission.ManageAccess).Creates<MembershipView>().WithSummary("Let a user into the project");
        members.MapGet("/{user:guid}", Get).Needs(Permission.ManageAccess).Produces<MembershipView>().WithSummary("Get a member");
        members.MapPut("/{user:guid}", Update).Needs(Permission.ManageAccess).Updates<MembershipView>()
            .WithSummary("Give a member another role");
        members.MapDelete("/{user:guid}", Delete).Needs(Permission.ManageAccess).Produces(StatusCodes.Status204NoContent)
            .WithSummary("Shut a member out of the project");
    }

    static IQueryable<Row> Of(PortalDb db, ProjectId project) =>
        from member in db.Set<Membership>().AsNoTracking()
        where member.Project == project
        join user in db.Set<User>().AsNoTracking() on member.User equals user.Id
        select new Row { UserId = user.Id, User = user.Name, Role = member.Role, Version = member.Version };

    static Task<IResult> List(HttpContext http, PortalDb db, string? user, string? role) => s_list.AnswerAsync(http,
        Of(db, http.Caller().InProject).Where(one => (user == null || one.User == user) && (role == null || one.Role == role)), View);

    static async Task<IResult> Get(Guid user, HttpContext http, PortalDb db)
    {
        var wanted = UserId.From(user);
        var found = await Of(db, http.Caller().InProject).SingleOrDefaultAsync(one => one.UserId == wanted, http.RequestAborted)
            .ConfigureAwait(false);
        if (found is null) return Problem.NoSuch("member");
        Versions.Tell(http, found.Version);
        return TypedResults.Ok(View(found));
    }

    static async Task<IResult> Create(NewMembershipRequest request, HttpContext http, ApiChanges changes)
    {
        if ((Input.Present("user", request.User) ?? Input.Present("role", request.Role)) is { } wrong) return wrong;
        return await changes.CreateAsync(http, request, async change =>
        {
            var project = change.Caller.InProject;
            var user = await change.Db.Set<User>().SingleOrDefaultAsync(one => one.Name == request.User, change.Cancellation)
                .ConfigureAwait(false);
            if (user is null) return Problem.Wrong("user", "There is no user of this name.");
            if (!await Roles.ExistsAsync(change, request.Role!).ConfigureAwait(false))
                return Problem.Wrong("role", "There is no such role.");
            if (await change.Db.Set<Membership>().AnyAsync(one => one.Project == project && one.User == user.Id, change.Cancellation)
                .ConfigureAwait(false))
                return new Problem(ProblemCode.NameTaken, $"{user.Name} is a member already.", "user");
            var member = new Membership(project, user.Id, request.Role!);
            change.Db.Add(member);
            change.Audit("createMembership", $"user {user.Name}: {request.Role}");
            return new Creation.Made($"/api/v1/memberships/{user.Id}", new MembershipView(user.Id, user.Name, member.Role),
                Version: member.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(Guid user, MembershipRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.Present("role", request.Role) is { } wrong) return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            if (await FindAsync(change, user).ConfigureAwait(false) is not var (member, name)) return Problem.NoSuch("member");
            if (Versions.Needed(http, member.Version) is { } outdated) return outdated;
            if (!await Roles.ExistsAsync(change, request.Role!).ConfigureAwait(false))
                return Problem.Wrong("role", "There is no such role.");
            member.Become(request.Role!);
            change.Audit("updateMembership", $"user {name}: {request.Role}");
            Versions.Tell(http, member.Version);
            return TypedResults.Ok(new MembershipView(member.User, name, member.Role));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Delete(Guid user, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        if (await FindAsync(change, user).ConfigureAwait(false) is not var (member, name)) return Problem.NoSuch("member");
        if (Versions.Wanted(http, member.Version) is { } outdated) return outdated;
        change.Db.Remove(member);
        change.Audit("deleteMembership", $"user {name}");
        return TypedResults.NoContent();
    });

    static async Task<(Membership Member, string Name)?> FindAsync(ApiChange change, Guid user)
    {
        var member = await change.Db.Set<Membership>().FindAsync([change.Caller.InProject, UserId.From(user)], change.Cancellation)
            .ConfigureAwait(false);
        if (member is null) return null;
        return (member, await change.Db.Set<User>().Where(one => one.Id == member.User).Select(one => one.Name)
            .SingleAsync(change.Cancellation)
            .ConfigureAwait(false));
    }

    static MembershipView View(Row row) => new(row.UserId, row.User, row.Role);

    sealed class Row
    {
        public required UserId UserId { get; init; }
        public required string User { get; init; }
        public required string Role { get; init; }
        public required long Version { get; init; }
    }
}
