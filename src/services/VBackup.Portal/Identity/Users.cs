using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

public sealed record NewUserRequest([property: Required] string? Name, bool? Administrator);

public sealed record UserRequest([property: Required] bool? Disabled, [property: Required] bool? Administrator);

public sealed record UserView(UserId Id, string Name, bool Administrator, bool Disabled, bool MustChangePassword, DateTimeOffset CreatedAt);

/// <param name="OneTimePassword">Told once; null when the answer is given again.</param>
public sealed record NewUserView(UserId Id, string Name, bool Administrator, string? OneTimePassword);

public sealed record OneTimePasswordView(string OneTimePassword);

public sealed record MeView(UserId Id, string Name, bool Administrator, ProjectId? Project, string? ProjectName, string? Role,
    IReadOnlyList<Permission> Permissions);

/// <summary>Those who can sign in. An administrator makes them; what they may do in a project is said there, by memberships.</summary>
static class Users
{
    static readonly Listing<User> s_list = new("name",
        [
            new ListOrder<User, string, UserId>("name", one => one.Name, one => one.Id),
            new ListOrder<User, UserId, UserId>("createdAt", one => one.Id, one => one.Id),
        ], "name");

    public static void Map(RouteGroupBuilder api)
    {
        var users = api.MapGroup("/users");
        users.MapGet("/me", Me).NeedsSignIn().Produces<MeView>().WithSummary("Who asks, and what he may do");
        users.MapGet("", List).NeedsAdministrator().Lists(s_list).Produces<Page<UserView>>().WithSummary("List users");
        users.MapPost("", Create).NeedsAdministrator().Creates<NewUserView>().WithSummary("Make a user, with a one-time password");
        users.MapGet("/{id:guid}", Get).NeedsAdministrator().Produces<UserView>().WithSummary("Get a user");
        users.MapPut("/{id:guid}", Update).NeedsAdministrator().Updates<UserView>()
            .WithSummary("Disable or enable a user, make him an administrator or not");
        users.MapPost("/{id:guid}/reset-password", ResetPassword).NeedsAdministrator().Produces<OneTimePasswordView>()
            .WithSummary("Give a user a one-time password; all of his sessions end");
    }

    static MeView Me(HttpContext http)
    {
        var caller = http.Caller();
        return new(caller.User, caller.UserName, caller.IsAdministrator, caller.Project, caller.ProjectName, caller.Role,
            [.. caller.Permissions.Order()]);
    }

    static Task<IResult> List(HttpContext http, PortalDb db, string? name) =>
        s_list.AnswerAsync(http, db.Set<User>().AsNoTracking().Where(one => name == null || one.Name == name), View);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        var user = await db.Set<User>().FindAsync([UserId.From(id)], http.RequestAborted).ConfigureAwait(false);
        if (user is null) return Problem.NoSuch("user");
        Versions.Tell(http, user.Version);
        return TypedResults.Ok(View(user));
    }

    static async Task<IResult> Create(NewUserRequest request, HttpContext http, ApiChanges changes, Passwords passwords)
    {
        if (Input.LowerCaseName("name", request.Name) is { } wrong) return wrong;
        var password = Passwords.NewOneTime();
        var hash = passwords.Hash(password);
        return await changes.CreateAsync(http, request, async change =>
        {
            var name = request.Name!;
            if (await change.Db.Set<User>().AnyAsync(one => one.Name == name, change.Cancellation).ConfigureAwait(false))
                return Problem.Taken("user", name);
            var user = new User(change.NewId<UserId>(), name, hash, request.Administrator ?? false, change.Now);
            change.Db.Add(user);
            change.Audit("createUser", $"user {name}");
            var view = new NewUserView(user.Id, name, user.IsAdministrator, password);
            return new Creation.Made($"/api/v1/users/{user.Id}", view, view with { OneTimePassword = null }, user.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Update(Guid id, UserRequest request, HttpContext http, ApiChanges changes)
    {
        if ((Input.Present("disabled", request.Disabled) ?? Input.Present("administrator", request.Administrator)) is { } wrong)
            return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            var user = await change.Db.Set<User>().FindAsync([UserId.From(id)], change.Cancellation).ConfigureAwait(false);
            if (user is null) return Problem.NoSuch("user");
            if (Versions.Needed(http, user.Version) is { } outdated) return outdated;
            var manages = !request.Disabled!.Value && request.Administrator!.Value;
            var othersManage = await change.Db.Set<User>()
                .AnyAsync(one => one.IsAdministrator && !one.IsDisabled && one.Id != user.Id, change.Cancellation)
                .ConfigureAwait(false);
            if (!manages && !othersManage) return new Problem(ProblemCode.LastAdministrator, "Make somebody else an administrator first.");
            user.Update(request.Disabled.Value, request.Administrator!.Value);
            if (user.IsDisabled) await OwnPassword.EndSessionsAsync(change, user).ConfigureAwait(false);
            change.Audit("updateUser", $"user {user.Name}: disabled {request.Disabled}, administrator {request.Administrator}");
            Versions.Tell(http, user.Version);
            return TypedResults.Ok(View(user));
        }).ConfigureAwait(false);
    }

    static async Task<IResult> ResetPassword(Guid id, HttpContext http, ApiChanges changes, Passwords passwords)
    {
        var password = Passwords.NewOneTime();
        var hash = passwords.Hash(password);
        return await changes.MakeAsync(http, async change =>
        {
            var user = await change.Db.Set<User>().FindAsync([UserId.From(id)], change.Cancellation).ConfigureAwait(false);
            if (user is null) return Problem.NoSuch("user");
            if (Versions.Wanted(http, user.Version) is { } outdated) return outdated;
            user.GivePassword(hash);
            await OwnPassword.EndSessionsAsync(change, user).ConfigureAwait(false);
            change.Audit("resetPassword", $"user {user.Name}");
            return TypedResults.Ok(new OneTimePasswordView(password));
        }).ConfigureAwait(false);
    }

    static UserView View(User user) =>
        new(user.Id, user.Name, user.IsAdministrator, user.IsDisabled, user.MustChangePassword, user.CreatedAt);
}
