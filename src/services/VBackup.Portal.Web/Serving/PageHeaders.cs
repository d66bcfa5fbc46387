using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Web.Serving;

/// <summary>
/// What browsers may do with a page: run our own scripts and no others, load nothing from elsewhere, be framed by nobody. Styles within a
/// page are let in, since MudBlazor writes its colours and the places of its menus so.
/// </summary>
static class PageHeaders
{
    const string Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
        + "connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    public static void Add(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-cache, no-store";
        headers["Referrer-Policy"] = "same-origin";
    }
}
