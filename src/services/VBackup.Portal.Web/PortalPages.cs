using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;
using VBackup.Portal.Api;
using VBackup.Portal.Web.Pages;
using VBackup.Portal.Web.Serving;
using VBackup.Portal.Web.Visiting;

namespace VBackup.Portal.Web;

/// <summary>Puts the Portal's pages into a web application, beside its API.</summary>
public static class PortalPages
{
    /// <remarks>REQUIRES: what the API requires, and the API's own services.</remarks>
    public static IServiceCollection AddPortalPages(this IServiceCollection services)
    {
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, SessionCookie>(SessionCookie.SchemeName, null);
        // What it protects lives as long as an open page does, and ends with this process: nothing of it is worth keeping on a disk.
        services.AddDataProtection();
        services.Configure<KeyManagementOptions>(keys =>
            (keys.XmlRepository, keys.XmlEncryptor) = (new KeysInMemory(), new NullXmlEncryptor()));
        services.AddAntiforgery(forms =>
        {
            forms.Cookie.Name = "vbackup-form";
            forms.Cookie.SameSite = SameSiteMode.Strict;
            forms.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddCascadingAuthenticationState();
        services.AddMudServices();
        services.AddScoped<Visit>();
        services.AddScoped<Here>();
        return services;
    }

    /// <summary>Comes behind what looks who asks.</summary>
    public static void UsePortalPages(this IApplicationBuilder app)
    {
        app.Use((http, next) =>
        {
            if (http.GetEndpoint()?.Metadata.GetMetadata<ComponentTypeMetadata>() is not null) PageHeaders.Add(http);
            return next(http);
        });
        app.UseAntiforgery();
        app.Use(AnswerUnknownAddressAsync);
    }

    // Not as a route for all that no other has: those of the API would then never say which methods they take.
    static async Task AnswerUnknownAddressAsync(HttpContext http, RequestDelegate next)
    {
        await next(http).ConfigureAwait(false);
        if (http.GetEndpoint() is not null || http.Response is not { HasStarted: false, StatusCode: StatusCodes.Status404NotFound }
            || !(HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method))
            || http.Request.Path.StartsWithSegments(PortalApi.Root, StringComparison.OrdinalIgnoreCase)) return;
        PageHeaders.Add(http);
        await new RazorComponentResult<UnknownAddress> { StatusCode = StatusCodes.Status404NotFound }.ExecuteAsync(http)
            .ConfigureAwait(false);
    }

    public static void MapPortalPages(this IEndpointRouteBuilder app)
    {
        var visitors = new AuthorizationPolicyBuilder(SessionCookie.SchemeName).RequireAuthenticatedUser().Build();
        app.MapGet("/assets/{name}", EmbeddedAssets.Send).AllowAnonymous();
        LeaveAndMove.Map(app, visitors);
        app.MapRazorComponents<App>()
            // Who may frame the pages is said with all else in one header.
            .AddInteractiveServerRenderMode(server => server.ContentSecurityFrameAncestorsPolicy = null)
            .RequireAuthorization(visitors);
    }
}
