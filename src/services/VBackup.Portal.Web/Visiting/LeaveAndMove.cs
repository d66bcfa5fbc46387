using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Web.Visiting;

/// <summary>Signing out, and going on in another project: both change the cookie, which only an answer to a request can.</summary>
static class LeaveAndMove
{
    public static void Map(IEndpointRouteBuilder app, AuthorizationPolicy visitors)
    {
        app.MapPost("/sign-out", SignOutAsync).RequireAuthorization(visitors);
        app.MapPost("/project", ChangeProjectAsync).RequireAuthorization(visitors);
    }

    static async Task<IResult> SignOutAsync(HttpContext http, IAntiforgery forms, CallerSearch callers, Sessions sessions)
    {
        // Looked at here and not left to the reading of a form, which this request need not have.
        if (!await forms.IsRequestValidAsync(http).ConfigureAwait(false)) return TypedResults.LocalRedirect("/");
        if (await AskerAsync(http, callers).ConfigureAwait(false) is { } asker) await sessions.SignOutAsync(asker).ConfigureAwait(false);
        SessionCookie.Remove(http);
        return TypedResults.LocalRedirect("/sign-in");
    }

    static async Task<IResult> ChangeProjectAsync([FromForm] string? project, HttpContext http, CallerSearch callers, Sessions sessions)
    {
        if (project is { Length: > 0 } && await AskerAsync(http, callers).ConfigureAwait(false) is { } asker)
        {
            var moved = await sessions.ChangeProjectAsync(asker, project).ConfigureAwait(false);
            if (moved.Problem is null) SessionCookie.Set(http, moved.Value);
        }
        return TypedResults.LocalRedirect("/");
    }

    static async Task<Asker?> AskerAsync(HttpContext http, CallerSearch callers) =>
        SessionCookie.Read(http.User) is var (token, _) && await callers.FindAgainAsync(token, http.RequestAborted)
            .ConfigureAwait(false) is { } caller
            ? Asker.Of(http) with { Caller = caller } : null;
}
