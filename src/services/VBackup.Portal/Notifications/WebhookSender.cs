using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VBackup.Contracts.Ids;
using VBackup.Primitives;

namespace VBackup.Portal.Notifications;

/// <summary>What came of an attempt.</summary>
abstract record DeliveryOutcome
{
    DeliveryOutcome() { }

    public sealed record Delivered : DeliveryOutcome;

    /// <param name="MayPass">Another attempt may fare better.</param>
    /// <param name="Asked">The receiver said how long it wants no other.</param>
    public sealed record Failed(string Error, bool MayPass, TimeSpan? Asked = null) : DeliveryOutcome;
}

/// <summary>
/// Sends to webhooks. Redirects are not followed, and of the answer nothing is read but its head. Thread-safe.
/// </summary>
public sealed class WebhookSender : IDisposable
{
    public const string IdHeader = "VBackup-Notification", TimestampHeader = "VBackup-Timestamp", SignatureHeader = "VBackup-Signature";
    const int AnswerHeadKibibytesMax = 16;

    readonly WebhookSettings _settings;
    readonly WebhookSecrets _secrets;
    readonly TimeProvider _clock;
    readonly HttpClient _http;

    public WebhookSender(WebhookSettings settings, WebhookSecrets secrets, TimeProvider clock)
    {
        (_settings, _secrets, _clock) = (settings, secrets, clock);
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            MaxResponseHeadersLength = AnswerHeadKibibytesMax,
            // Each attempt looks at the address anew.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = ConnectAsync,
        })
        { Timeout = Timeout.InfiniteTimeSpan };
    }

    internal async Task<DeliveryOutcome> SendAsync(NotificationId id, Webhook webhook, string body, CancellationToken cancellation)
    {
        // What was allowed when it was made may not be any more.
        if (WebhookAddresses.FaultOf(webhook.Url, _settings) is { } fault) return new DeliveryOutcome.Failed(fault, MayPass: false);
        using var late = new CancellationTokenSource(_settings.Timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        using var request = Signed(id, webhook, body);
        try
        {
            using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            return Judge(answer);
        }
        catch (HttpRequestException failure)
        {
            return Describe(failure);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed("there was no answer in time", MayPass: true);
        }
    }

    HttpRequestMessage Signed(NotificationId id, Webhook webhook, string body)
    {
        var seconds = _clock.GetUtcNow().ToUnixTimeSeconds();
        var request = new HttpRequestMessage(HttpMethod.Post,
            webhook.Url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("User-Agent", "vBackup");
        request.Headers.Add(IdHeader, id.ToString());
        request.Headers.Add(TimestampHeader, seconds.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(SignatureHeader, _secrets.Sign(webhook.Id, webhook.WrappedSecret, seconds, body));
        return request;
    }

    DeliveryOutcome Judge(HttpResponseMessage answer)
    {
        if (answer.IsSuccessStatusCode) return new DeliveryOutcome.Delivered();
        var status = (int)answer.StatusCode;
        // What the receiver does not want now, it will not want later; but for those that say so.
        var mayPass = answer.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425
            || status >= 500;
        return new DeliveryOutcome.Failed(string.Create(CultureInfo.InvariantCulture,
            $"it answered {status}{(status is >= 300 and < 400 ? ", and redirects are not followed" : "")}"), mayPass, Asked(answer));
    }

    TimeSpan? Asked(HttpResponseMessage answer) => answer.Headers.RetryAfter switch
    {
        { Delta: { } pause } => pause,
        { Date: { } at } => at - _clock.GetUtcNow(),
        _ => null,
    };

    // Not the framework's words: they tell addresses.
    static DeliveryOutcome.Failed Describe(HttpRequestException failure) => failure switch
    {
        { InnerException: ForbiddenAddressException forbidden } => new(forbidden.Message, MayPass: false),
        { HttpRequestError: HttpRequestError.NameResolutionError }
            or { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData
                or SocketError.TryAgain } } =>
            new("its host is not found", MayPass: true),
        { HttpRequestError: HttpRequestError.ConnectionError } => new("nobody answers there", MayPass: true),
        { HttpRequestError: HttpRequestError.SecureConnectionError } => new(
            "TLS was not agreed: is its certificate good, and does this machine trust who issued it?", MayPass: true),
        _ => new($"the request failed ({failure.HttpRequestError})", MayPass: true),
    };

    ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var isPlain = context.InitialRequestMessage.RequestUri!.Scheme == Uri.UriSchemeHttp;
        return GuardedConnecting.ConnectAsync(context,
            address => WebhookAddresses.IsAllowed(address, isPlain, _settings) ? null : WebhookAddresses.Forbidden, cancellation);
    }

    public void Dispose() => _http.Dispose();
}
