using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace VBackup.Portal.Api;

/// <summary>Finds the <see cref="Caller"/> by <c>Authorization: Bearer vb_…</c>.</summary>
sealed class BearerTokens(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder,
    CallerSearch callers) : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
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
        var caller = await callers.FindAsync(header[word.Length..].Trim(), Context.RequestAborted).ConfigureAwait(false);
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
}
