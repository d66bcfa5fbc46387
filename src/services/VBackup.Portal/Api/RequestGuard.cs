using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace VBackup.Portal.Api;

/// <summary>Stands before the API's routes: bounds what is sent, and gives every refusal the shape of a <see cref="Problem"/>.</summary>
sealed partial class RequestGuard(RequestDelegate next, ILogger<RequestGuard> log)
{
    const string Stalled = "It stood still for too long.";

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.Request.ContentLength > PortalApi.BodyBytesMax)
        {
            await TooLarge().ExecuteAsync(http).ConfigureAwait(false);
            return;
        }
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = PortalApi.BodyBytesMax;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        if (!TakesCharset(http.Request))
        {
            await WrongMediaType().ExecuteAsync(http).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(http).ConfigureAwait(false);
        }
        catch (BadHttpRequestException refused) when (!http.Response.HasStarted)
        {
            await AsProblem(refused).ExecuteAsync(http).ConfigureAwait(false);
            return;
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Whoever asked has gone; nobody hears an answer.
            return;
        }
        catch (Exception fault) when (!http.Response.HasStarted)
        {
            LogFault(log, http.Request.Method, http.Request.Path, fault);
            http.Response.Clear();
            await new Problem(ProblemCode.InternalError, "The request was not carried out. What happened is in the log.").ExecuteAsync(http)
                .ConfigureAwait(false);
            return;
        }
        if (http.Response is { HasStarted: false, ContentType: null } && OfStatus(http.Response.StatusCode) is { } problem)
            await problem.ExecuteAsync(http).ConfigureAwait(false);
    }

    static Problem TooLarge() => new(ProblemCode.BodyTooLarge, $"A request's body has at most {PortalApi.BodyBytesMax} bytes.");

    static Problem WrongMediaType() => new(ProblemCode.WrongMediaType, "Send it as application/json, in UTF-8.");

    /// <summary>The reader of JSON knows no quotes around a charset, and fails at one that there is not.</summary>
    static bool TakesCharset(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || !type.Charset.HasValue) return true;
        if (!HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase)) return false;
        request.ContentType = type.MediaType.Value;
        return true;
    }

    static Problem AsProblem(BadHttpRequestException refused) => (refused.StatusCode, refused.InnerException) switch
    {
        (StatusCodes.Status413PayloadTooLarge, _) => TooLarge(),
        (StatusCodes.Status408RequestTimeout, _) => Problem.Wrong("body", Stalled),
        (StatusCodes.Status415UnsupportedMediaType, _) => WrongMediaType(),
        (_, ControlCharacterException text) =>
            Problem.Wrong(ApiJson.FieldOf(text) ?? "body", "It is on one line, without control characters."),
        // Not the reader's own words: they name types of ours.
        (_, JsonException json) => ApiJson.FieldOf(json) is { } field
            ? Problem.Wrong(field, "It is not known here, or has a value of another kind than it should.")
            : Problem.Wrong("body", "The body is not JSON, or not what is expected here."),
        _ => Problem.Wrong("body", "A body is needed here, or a part of the request is not readable."),
    };

    /// <summary>What is answered without a body by the routing, and by those who read a body that does not end well.</summary>
    static Problem? OfStatus(int status) => status switch
    {
        StatusCodes.Status400BadRequest => Problem.Wrong("body", "The request is not readable."),
        StatusCodes.Status408RequestTimeout => Problem.Wrong("body", Stalled),
        StatusCodes.Status404NotFound => Problem.NoSuch("thing"),
        StatusCodes.Status405MethodNotAllowed => new(ProblemCode.MethodNotAllowed, "The Allow header says what can be done."),
        StatusCodes.Status413PayloadTooLarge => TooLarge(),
        StatusCodes.Status415UnsupportedMediaType => WrongMediaType(),
        _ => null,
    };

    [LoggerMessage(EventId = 4001, Level = LogLevel.Error, Message = "{Method} {Path} failed.")]
    static partial void LogFault(ILogger log, string method, PathString path, Exception fault);
}
