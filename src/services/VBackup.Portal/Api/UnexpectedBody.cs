using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace VBackup.Portal.Api;

/// <summary>Routes that read no body refuse what one says, as the others refuse members that they do not know: whoever sent it would wait
/// in vain for what it should have done. Nothing, and <c>{}</c>, are good.</summary>
static class UnexpectedBody
{
    public static async ValueTask<object?> RefuseAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var isRead = http.GetEndpoint()?.Metadata.GetMetadata<IAcceptsMetadata>() is not null;
        return !isRead && await FaultAsync(http).ConfigureAwait(false) is { } fault ? fault : await next(context).ConfigureAwait(false);
    }

    static async Task<Problem?> FaultAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }) return null;
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted).ConfigureAwait(false);
        if (body.Length == 0) return null;
        try
        {
            using var sent = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
            if (sent.RootElement.ValueKind != JsonValueKind.Object) return Problem.Wrong("body", "No body is expected here.");
            return sent.RootElement.EnumerateObject().Select(member => member.Name).FirstOrDefault() is { } name
                ? Problem.Wrong(name, "It is not known here: this takes no members.") : null;
        }
        // A name that is no text, such as one with half a pair of surrogates.
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return Problem.Wrong("body", "No body is expected here.");
        }
    }
}
