using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Api;

/// <summary>
/// Finds the <see cref="Caller"/> by <c>Authorization: Bearer vb_…</c>. The user, his membership and his role are read at every request,
/// so that what was taken from him is gone at once.
/// </summary>
sealed class BearerTokens(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, PortalDb db,
    TimeProvider clock) : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "Bearer";

    const int TextMax = 200;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        if (header.Length == 0) return AuthenticateResult.NoResult();
        const string word = SchemeName + " ";
        if (!header.StartsWith(word, StringComparison.OrdinalIgnoreCase) || header.Length > TextMax)
            return AuthenticateResult.Fail("It is no bearer token.");
        var caller = await FindAsync(header[word.Length..].Trim()).ConfigureAwait(false);
        return caller is null
            ? AuthenticateResult.Fail("The token is not known, has expired or was revoked.")
            : AuthenticateResult.Success(new(new(new CallerIdentity(caller)), BearerTokens.SchemeName));
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var result = await HandleAuthenticateOnceSafeAsync().ConfigureAwait(false);
        Response.Headers[HeaderNames.WWWAuthenticate] = result.Failure is null ? SchemeName : $"{SchemeName} error=\"invalid_token\"";
        var problem = result.Failure is null
            ? new Problem(ProblemCode.CredentialsNeeded, "Send an Authorization header with a bearer token.")
            : new Problem(ProblemCode.WrongCredentials, "The token is not known, has expired or was revoked.");
        await problem.ExecuteAsync(Context).ConfigureAwait(false);
    }

    async Task<Caller?> FindAsync(string text)
    {
        var digest = ApiToken.DigestOf(text);
        var now = clock.GetUtcNow();
        var found = await (from token in db.Set<ApiToken>().AsNoTracking()
                           where token.Digest == digest
                           join user in db.Set<User>().AsNoTracking() on token.User equals user.Id
                           select new { token, user }).SingleOrDefaultAsync(Context.RequestAborted).ConfigureAwait(false);
        if (found is null || !found.token.IsGood(now) || found.user.IsDisabled || found.user.MustChangePassword) return null;
        var access = await Access.OfAsync(db, found.user, found.token.Project, Context.RequestAborted).ConfigureAwait(false);
        if (access is null) return null;
        if (!(now - found.token.LastUsedAt < ApiToken.LastUsedCoarseness)) await NoteUseAsync(found.token, now).ConfigureAwait(false);
        return new(found.token.Id, found.token.IsSession, found.user.Id, found.user.Name, found.user.IsAdministrator, found.token.Project,
            access.ProjectName, access.Role, access.Permissions);
    }

    Task<int> NoteUseAsync(ApiToken token, DateTimeOffset now)
    {
        DateTimeOffset? used = now;
        return db.Set<ApiToken>().Where(one => one.Id == token.Id)
            .ExecuteUpdateAsync(set => set.SetProperty(one => one.LastUsedAt, used), Context.RequestAborted);
    }
}
