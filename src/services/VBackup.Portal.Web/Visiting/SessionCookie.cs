using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Web.Visiting;

/// <summary>
/// Finds who visits by a cookie, which holds the text of a session's token and nothing else. The session is one of the API's: it ends, and
/// is revoked, as those do. The API does not look at cookies, so no other site can use it by a visitor's.
/// </summary>
sealed class SessionCookie(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    CallerSearch callers)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "SessionCookie";
    public const string CookieName = "vbackup-session";
    // Forms are bound to it as well, so that one of another session is not taken.
    const string TokenClaim = ClaimTypes.NameIdentifier, AddressClaim = "vbackup:address";

    /// <summary>Longer than any token.</summary>
    const int TextMax = 200;

    public static void Set(HttpContext http, SessionView session) =>
        http.Response.Cookies.Append(CookieName, session.Token, Terms(http, session.ExpiresAt));

    public static void Remove(HttpContext http) => http.Response.Cookies.Delete(CookieName, Terms(http, null));

    /// <summary>Whose session it is, and from where he came; null for one who is not signed in.</summary>
    public static (ApiTokenId Token, string Address)? Read(ClaimsPrincipal visitor) =>
        visitor.FindFirstValue(TokenClaim) is { } token
            ? (ApiTokenId.From(Guid.Parse(token)), visitor.FindFirstValue(AddressClaim) ?? "unknown") : null;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Cookies[CookieName] is not { Length: > 0 and <= TextMax } text) return AuthenticateResult.NoResult();
        if (await callers.FindAsync(text, Context.RequestAborted).ConfigureAwait(false) is not { IsSession: true } caller)
            return AuthenticateResult.Fail("The session is over.");
        var identity = new ClaimsIdentity(
            [new(ClaimTypes.Name, caller.UserName), new(TokenClaim, caller.Token.Value.ToString()), new(AddressClaim, Context.Address())],
            SchemeName);
        return AuthenticateResult.Success(new(new(identity), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Redirect(Here.SignInPath(Request.Path + Request.QueryString));
        return Task.CompletedTask;
    }

    static CookieOptions Terms(HttpContext http, DateTimeOffset? ends) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        // By name, not by scheme: before a proxy with TLS the scheme here is http, and the browser's is not.
        Secure = http.Request.IsHttps || !IsThisMachine(http.Request.Host.Host),
        Path = "/",
        Expires = ends,
    };

    static bool IsThisMachine(string host) =>
        host == "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
}
