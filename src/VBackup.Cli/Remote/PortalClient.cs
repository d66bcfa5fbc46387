using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Something that the Portal told.</summary>
/// <param name="Json">The same, whole, as it was told.</param>
/// <param name="Version">For <c>If-Match</c>; null where it has none.</param>
sealed record Told<T>(T Value, JsonElement Json, string? Version = null);

/// <summary>Speaks the API of docs/api.md. Thread-safe.</summary>
/// <param name="token">Null before anybody signed in.</param>
/// <param name="trust">What it thinks of the Portal's certificate.</param>
sealed class PortalClient(PortalUrl url, string? token, TimeProvider clock, PortalTrust trust) : IDisposable
{
    public PortalClient(PortalUrl url, string? token, TimeProvider clock) : this(url, token, clock, new()) { }

    const int AnswerSizeMax = 16 << 20;
    const int PageSize = 200;
    const int TriesMax = 5;

    static readonly TimeSpan s_connectPatience = TimeSpan.FromSeconds(15);

    /// <summary>A pause that the Portal asks for and that is not worth a word.</summary>
    static readonly TimeSpan s_pauseMax = TimeSpan.FromSeconds(10);

    /// <summary>An event comes every 15 seconds at least; whoever is silent for so long is not there any more.</summary>
    static readonly TimeSpan s_silenceMax = TimeSpan.FromMinutes(1);

    readonly HttpClient _http = new(new SocketsHttpHandler
    {
        // The token is for this Portal, and for nobody whom it may name.
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = !url.IsThisMachine,
        ConnectTimeout = s_connectPatience,
        AutomaticDecompression = DecompressionMethods.None,
        SslOptions = new() { RemoteCertificateValidationCallback = trust.Judge },
    })
    { BaseAddress = url.Api, MaxResponseContentBufferSize = AnswerSizeMax };

    public PortalUrl Url => url;

    public TimeProvider Clock => clock;

    public Task<Told<T>> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Get, path), type, cancellation);

    /// <summary>All of a list, page after page.</summary>
    public async IAsyncEnumerable<Told<T>> ListAsync<T>(string list, JsonTypeInfo<T> type,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var first = $"{list}{(list.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={PageSize}";
        string? cursor = null;
        do
        {
            var path = cursor is null ? first : $"{first}&cursor={Uri.EscapeDataString(cursor)}";
            var page = await GetAsync(path, RemoteJson.Default.PageView, cancellation).ConfigureAwait(false);
            foreach (var item in page.Value.Items) yield return new(Read(item, type), item);
            cursor = page.Value.Next;
        }
        while (cursor is not null);
    }

    /// <summary>Makes a thing, or starts something: once, also when the first answer is lost on its way and it is asked for
    /// again.</summary>
    public Task<Told<T>> CreateAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type,
        CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Post, path)
        {
            Body = JsonSerializer.SerializeToUtf8Bytes(body, bodyType),
            IdempotencyKey = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
        }, type, cancellation);

    /// <summary>What is done to a thing that is there, such as enabling a plan.</summary>
    /// <param name="version">Only if it is still this one; null for whichever there is.</param>
    public Task<Told<T>> PostAsync<T>(string path, string? version, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Post, path) { Version = version }, type, cancellation);

    /// <summary>As <see cref="PostAsync"/>, with something to say.</summary>
    public Task<Told<T>> SendAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type,
        CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Post, path) { Body = JsonSerializer.SerializeToUtf8Bytes(body, bodyType) }, type, cancellation);

    /// <summary>Changes a thing, if it is still the one that was read.</summary>
    public Task<Told<T>> ChangeAsync<TBody, T>(string path, string? version, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type,
        CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Patch, path) { Body = JsonSerializer.SerializeToUtf8Bytes(body, bodyType), Version = version }, type,
            cancellation);

    /// <summary>Makes a part of a thing what is said, if the thing is still the one that was read.</summary>
    public Task<Told<T>> ReplaceAsync<TBody, T>(string path, string? version, TBody body, JsonTypeInfo<TBody> bodyType,
        JsonTypeInfo<T> type, CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Put, path) { Body = JsonSerializer.SerializeToUtf8Bytes(body, bodyType), Version = version }, type,
            cancellation);

    public async Task PutAsync<TBody>(string path, TBody body, JsonTypeInfo<TBody> bodyType, CancellationToken cancellation) =>
        await AnswerAsync(new(HttpMethod.Put, path) { Body = JsonSerializer.SerializeToUtf8Bytes(body, bodyType) }, cancellation)
            .ConfigureAwait(false);

    public async Task DeleteAsync(string path, string? version, CancellationToken cancellation) =>
        await AnswerAsync(new(HttpMethod.Delete, path) { Version = version }, cancellation).ConfigureAwait(false);

    public Task<Told<T>> DeleteAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation) =>
        AskAsync(new(HttpMethod.Delete, path), type, cancellation);

    /// <summary>Server-sent events, until the Portal ends them.</summary>
    /// <exception cref="PortalUnreachableException">They broke off, or it fell silent.</exception>
    public async IAsyncEnumerable<Told<T>> FollowAsync<T>(string path, JsonTypeInfo<T> type,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var silence = new CancellationTokenSource(s_silenceMax, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellation);
        using var response = await ReachAsync(
            () => _http.SendAsync(RequestOf(new(HttpMethod.Get, path)), HttpCompletionOption.ResponseHeadersRead, both.Token),
            cancellation).ConfigureAwait(false);
        if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
            throw await RefusalAsync(response, both.Token).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(both.Token).ConfigureAwait(false);
        await using var closing = stream.ConfigureAwait(false);
        var events = SseParser.Create(stream, (_, data) => Parse(data.ToArray())).EnumerateAsync(both.Token).GetAsyncEnumerator(both.Token);
        await using var ending = events.ConfigureAwait(false);
        while (await ReachAsync(() => events.MoveNextAsync().AsTask(), cancellation).ConfigureAwait(false))
        {
            silence.CancelAfter(s_silenceMax);
            yield return new(Read(events.Current.Data, type), events.Current.Data);
        }
    }

    async Task<Told<T>> AskAsync<T>(Request request, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        var (json, version) = await AnswerAsync(request, cancellation).ConfigureAwait(false);
        return new(Read(json ?? throw NotThePortal(), type), json.Value, version);
    }

    async Task<(JsonElement? Json, string? Version)> AnswerAsync(Request request, CancellationToken cancellation)
    {
        var isUncertain = false;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var response = await ReachAsync(() => _http.SendAsync(RequestOf(request), cancellation), cancellation)
                    .ConfigureAwait(false);
                if (!response.IsSuccessStatusCode)
                {
                    // It was not looked at, so it may be asked for again, whatever it is.
                    if (PauseOf(response) is { } pause && pause <= s_pauseMax && attempt < TriesMax)
                    {
                        await Task.Delay(pause, clock, cancellation).ConfigureAwait(false);
                        continue;
                    }
                    throw await RefusalAsync(response, cancellation).ConfigureAwait(false);
                }
                var bytes = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
                return (bytes.Length == 0 ? null : Parse(bytes), response.Headers.ETag?.ToString());
            }
            catch (PortalUnreachableException broken) when (request.IsRepeatable && attempt == 1 && IsBrokenOff(broken))
            {
                // Nobody knows whether it was heard; asking again does nothing twice.
                isUncertain = true;
            }
            catch (PortalUnreachableException away) when (isUncertain && !away.MayHaveBeenHeard)
            {
                throw new PortalUnreachableException(away.Message, away.InnerException) { MayHaveBeenHeard = true };
            }
        }
    }

    HttpRequestMessage RequestOf(Request request)
    {
        var message = new HttpRequestMessage(request.Method, request.Path);
        if (token is not null) message.Headers.Authorization = new("Bearer", token);
        if (request.IdempotencyKey is { } key) message.Headers.Add("Idempotency-Key", key);
        if (request.Version is { } version) message.Headers.TryAddWithoutValidation("If-Match", version);
        if (request.Body is { } body)
            message.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        return message;
    }

    async Task<T> ReachAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (HttpRequestException failure)
        {
            throw new PortalUnreachableException(Describe(failure), failure)
            {
                MayHaveBeenHeard = failure.HttpRequestError is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                    or HttpRequestError.SecureConnectionError),
            };
        }
        catch (IOException failure)
        {
            throw new PortalUnreachableException($"the answer of {url} broke off: {failure.Message}", failure) { MayHaveBeenHeard = true };
        }
        catch (OperationCanceledException failure) when (!cancellation.IsCancellationRequested)
        {
            throw new PortalUnreachableException($"{url} gives no answer in time", failure) { MayHaveBeenHeard = true };
        }
    }

    string Describe(HttpRequestException failure) => failure.HttpRequestError switch
    {
        HttpRequestError.SecureConnectionError => trust.Describe(url),
        HttpRequestError.ConfigurationLimitExceeded => $"the answer of {url} is larger than {Units.Size(AnswerSizeMax)}",
        HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError =>
            $"{url} cannot be reached ({failure.Message}): does it run?",
        _ => $"{url} gave no answer: {failure.Message}",
    };

    static bool IsBrokenOff(PortalUnreachableException broken) => broken.InnerException is IOException
        || broken.InnerException is HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded or HttpRequestError.Unknown };

    TimeSpan? PauseOf(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } pause } => pause,
        { Date: { } date } when date > clock.GetUtcNow() => date - clock.GetUtcNow(),
        _ => null,
    };

    async Task<PortalRefusalException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var problem = new ProblemView();
        if (response.Content.Headers.ContentType?.MediaType == "application/problem+json")
        {
            var bytes = await ReachAsync(() => ReadBoundedAsync(response.Content, cancellation), cancellation).ConfigureAwait(false);
            problem = Read(Parse(bytes), RemoteJson.Default.ProblemView);
        }
        return new((int)response.StatusCode, problem, url, token, PauseOf(response));
    }

    // Where only the headers were waited for, the client's own bound does not hold.
    static async Task<byte[]> ReadBoundedAsync(HttpContent content, CancellationToken cancellation)
    {
        await content.LoadIntoBufferAsync(AnswerSizeMax, cancellation).ConfigureAwait(false);
        return await content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
    }

    JsonElement Parse(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw NotThePortal();
        }
    }

    /// <summary>Something that was told within another thing.</summary>
    /// <exception cref="RefusedException">It is of another shape.</exception>
    public T Read<T>(JsonElement json, JsonTypeInfo<T> type)
    {
        try
        {
            return json.Deserialize(type) ?? throw NotThePortal();
        }
        catch (JsonException wrong)
        {
            throw new RefusedException(
                $"{url} answers what this version of vbackup does not understand ({wrong.Path}): is it of another version?");
        }
    }

    RefusedException NotThePortal() => new($"{url} does not answer as the Portal does: is it the right URL?");

    public void Dispose() => _http.Dispose();

    sealed record Request(HttpMethod Method, string Path)
    {
        public byte[]? Body { get; init; }
        public string? IdempotencyKey { get; init; }
        public string? Version { get; init; }
        public bool IsRepeatable => Method == HttpMethod.Get || IdempotencyKey is not null;
    }
}
