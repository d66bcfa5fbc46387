using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

/// <param name="ExpiresAt">In 90 days, when it is not said.</param>
public sealed record NewTokenRequest([property: Required] string? Name, DateTimeOffset? ExpiresAt);

/// <param name="Token">Told once; null when the answer is given again.</param>
public sealed record NewTokenView(ApiTokenId Id, string Name, DateTimeOffset ExpiresAt, string? Token);

/// <param name="LastUsedAt">To about ten minutes.</param>
public sealed record TokenView(ApiTokenId Id, string Name, string User, bool Session, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt,
    DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt);

/// <summary>Tokens for programs. Each acts as the user who made it, in the project in which he made it.</summary>
static class Tokens
{
    static readonly Listing<Row> s_list = new("-createdAt",
        [
            new ListOrder<Row, ApiTokenId, ApiTokenId>("createdAt", one => one.Token.Id, one => one.Token.Id),
            new ListOrder<Row, string, ApiTokenId>("name", one => one.Token.Name, one => one.Token.Id),
            new ListOrder<Row, DateTimeOffset, ApiTokenId>("expiresAt", one => one.Token.ExpiresAt, one => one.Token.Id),
        ], "name", "user");

    public static void Map(RouteGroupBuilder api)
    {
        var tokens = api.MapGroup("/tokens");
        tokens.MapGet("", List).NeedsSignIn().Lists(s_list).Produces<Page<TokenView>>()
            .WithSummary("List the caller's tokens and sessions in this project; everybody's, with ManageAccess");
        tokens.MapPost("", Create).NeedsSignIn().Creates<NewTokenView>().WithSummary("Make a token; it is told once");
        tokens.MapDelete("/{id:guid}", Revoke).NeedsSignIn().Produces(StatusCodes.Status204NoContent)
            .WithSummary("Revoke a token or a session");
    }

    static IQueryable<ApiToken> Visible(PortalDb db, Caller caller)
    {
        var seesAll = caller.May(Permission.ManageAccess);
        return db.Set<ApiToken>().Where(one => one.Project == caller.Project && (seesAll || one.User == caller.User));
    }

    static Task<IResult> List(HttpContext http, PortalDb db, string? name, string? user)
    {
        var rows = from token in Visible(db, http.Caller()).AsNoTracking()
                   join owner in db.Set<User>().AsNoTracking() on token.User equals owner.Id
                   where (name == null || token.Name == name) && (user == null || owner.Name == user)
                   select new Row { Token = token, User = owner.Name };
        return s_list.AnswerAsync(http, rows, View);
    }

    static async Task<IResult> Create(NewTokenRequest request, HttpContext http, ApiChanges changes)
    {
        // A token that was stolen must not make itself live longer.
        if (!http.Caller().IsSession) return new Problem(ProblemCode.SessionNeeded, "A token makes no tokens. Sign in for that.");
        if (Input.Text("name", request.Name) is { } wrong) return wrong;
        return await changes.CreateAsync(http, request, change =>
        {
            var expires = request.ExpiresAt ?? change.Now + ApiToken.LifeDefault;
            if (expires <= change.Now || expires > change.Now + ApiToken.LifeMax)
                return Task.FromResult(Creation.FromProblem(
                    Problem.Wrong("expiresAt", $"It is to come, and within {ApiToken.LifeMax.Days} days.")));
            var text = ApiToken.NewText();
            var token = new ApiToken(change.NewId<ApiTokenId>(), text, request.Name!, change.Caller.Project, change.Caller.User, false,
                change.Now, expires);
            change.Db.Add(token);
            change.Audit("createToken", $"token {token.Id} {token.Name}");
            var view = new NewTokenView(token.Id, token.Name, expires, text);
            return Task.FromResult<Creation>(new Creation.Made($"/api/v1/tokens/{token.Id}", view, view with { Token = null }));
        }).ConfigureAwait(false);
    }

    static Task<IResult> Revoke(Guid id, HttpContext http, ApiChanges changes) => changes.MakeAsync(http, async change =>
    {
        var wanted = ApiTokenId.From(id);
        var token = await Visible(change.Db, change.Caller).SingleOrDefaultAsync(one => one.Id == wanted, change.Cancellation)
            .ConfigureAwait(false);
        if (token is null) return Problem.NoSuch("token");
        token.Revoke(change.Now);
        change.Audit("revokeToken", $"token {token.Id} {token.Name}");
        return TypedResults.NoContent();
    });

    static TokenView View(Row row) =>
        new(row.Token.Id, row.Token.Name, row.User, row.Token.IsSession, row.Token.CreatedAt, row.Token.ExpiresAt,
        row.Token.LastUsedAt, row.Token.RevokedAt);

    sealed class Row
    {
        public required ApiToken Token { get; init; }
        public required string User { get; init; }
    }
}
