using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <param name="Project">By its name; not needed by whoever is in one only.</param>
public sealed record SignInRequest([property: Required] string? User, [property: Required] string? Password, string? Project);

/// <param name="Token">To be sent as a bearer token.</param>
public sealed record SessionView(ApiTokenId Id, string Token, DateTimeOffset ExpiresAt, string User, ProjectId? Project,
    string? ProjectName);

/// <summary>Signing in and out, by the API and in pages. Thread-safe.</summary>
sealed class Sessions(ApiChanges changes, CredentialCheck check)
{
    /// <summary>How long sessions that are over are still listed.</summary>
    static readonly TimeSpan s_remembered = TimeSpan.FromDays(7);

    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/sessions", Create).IsOpen().Produces<SessionView>(StatusCodes.Status201Created)
            .WithSummary("Sign in: a token for 12 hours");
        api.MapDelete("/sessions/current", Delete).NeedsSignIn().Produces(StatusCodes.Status204NoContent)
            .WithSummary("Revoke the token that asks");
    }

    static async Task<IResult> Create(SignInRequest request, HttpContext http, Sessions sessions) =>
        (await sessions.SignInAsync(http, request).ConfigureAwait(false))
            .Answer(session => TypedResults.Created("/api/v1/users/me", session));

    static async Task<IResult> Delete(HttpContext http, Sessions sessions) =>
        (await sessions.SignOutAsync(Asker.Of(http)).ConfigureAwait(false)).Answer(_ => TypedResults.NoContent());

    public async Task<Outcome<SessionView>> SignInAsync(HttpContext http, SignInRequest request)
    {
        var (user, refusal) = await check.LookAsync(http, request.User, request.Password).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        if (user!.MustChangePassword)
            return new Problem(ProblemCode.PasswordChangeRequired,
                "This password was given to you. Choose your own by PUT /api/v1/users/me/password.");
        return await changes.MakeAsync<SessionView>(Asker.Of(http), change => BeginAsync(change, user, request.Project))
            .ConfigureAwait(false);
    }

    public Task<Outcome<ApiTokenId>> SignOutAsync(Asker asker) => changes.MakeAsync<ApiTokenId>(asker, async change =>
    {
        var token = await change.Db.Set<ApiToken>().SingleAsync(one => one.Id == change.Caller.Token, change.Cancellation)
            .ConfigureAwait(false);
        token.Revoke(change.Now);
        change.Audit("signOut", $"token {token.Id}");
        return token.Id;
    });

    /// <summary>Goes on in another project, in a session of its own that ends when the one before would have.</summary>
    public Task<Outcome<SessionView>> ChangeProjectAsync(Asker asker, string project) =>
        changes.MakeAsync<SessionView>(asker, async change =>
    {
        var before = await change.Db.Set<ApiToken>().SingleAsync(one => one.Id == change.Caller.Token, change.Cancellation)
            .ConfigureAwait(false);
        if (!before.IsSession) return new Problem(ProblemCode.SessionNeeded, "A token for a program stays in its project.");
        var user = await change.Db.Set<User>().SingleAsync(one => one.Id == change.Caller.User, change.Cancellation).ConfigureAwait(false);
        var (chosen, refusal) = await ChooseAsync(change, user, project).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        before.Revoke(change.Now);
        return Begin(change, user, chosen, before.ExpiresAt);
    });

    static async Task<Outcome<SessionView>> BeginAsync(ApiChange change, User seen, string? projectName)
    {
        // What was compared may have changed since.
        var user = await change.Db.Set<User>().SingleAsync(one => one.Id == seen.Id, change.Cancellation).ConfigureAwait(false);
        if (user.IsDisabled || user.Version != seen.Version) return CredentialCheck.Wrong;
        var (project, refusal) = await ChooseAsync(change, user, projectName).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        var tooOld = change.Now - s_remembered;
        await change.Db.Set<ApiToken>().Where(one => one.IsSession && one.ExpiresAt < tooOld).ExecuteDeleteAsync(change.Cancellation)
            .ConfigureAwait(false);
        return Begin(change, user, project, change.Now + ApiToken.SessionDuration);
    }

    static SessionView Begin(ApiChange change, User user, Project? project, DateTimeOffset ends)
    {
        var text = ApiToken.NewText();
        var token = new ApiToken(change.NewId<ApiTokenId>(), text, "session", project?.Id, user.Id, true, change.Now, ends);
        change.Db.Add(token);
        change.Audit(project?.Id, user.Id, user.Name, "signIn", $"user {user.Name}", AuditOutcome.Done);
        return new(token.Id, text, token.ExpiresAt, user.Name, project?.Id, project?.Name);
    }

    /// <returns>No project and no refusal for an administrator who is in none.</returns>
    static async Task<(Project? Project, Problem? Refusal)> ChooseAsync(ApiChange change, User user, string? name)
    {
        var projects = change.Db.Set<Project>();
        if (name is not null)
        {
            var named = await projects.SingleOrDefaultAsync(one => one.Name == name, change.Cancellation).ConfigureAwait(false);
            return named is not null
                && await Access.OfAsync(change.Db, user, named.Id, change.Cancellation).ConfigureAwait(false) is not null
                ? (named, null) : (null, Problem.Wrong("project", "You are in no project of this name."));
        }
        var own = await projects.Where(one => change.Db.Set<Membership>().Any(member => member.Project == one.Id && member.User == user.Id))
            .OrderBy(one => one.Name).ToListAsync(change.Cancellation).ConfigureAwait(false);
        return own switch
        {
            [var only] => (only, null),
            [] => user.IsAdministrator ? (null, null)
                : (null, new(ProblemCode.PermissionNeeded, "You are in no project yet. Ask somebody who manages access.")),
            _ => (null, Problem.Wrong("project",
                $"You are in several projects. Name one: {string.Join(", ", own.Select(one => one.Name))}.")),
        };
    }
}
