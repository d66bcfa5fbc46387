using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.AspNetCore.Hosting;
using System.Net;

namespace VBackup.Portal.Tests.World;

/// <summary>A POST that came.</summary>
sealed record ReceivedPost(string Path, string Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>Whom webhooks tell: a web server on this machine.</summary>
sealed class WebhookReceiver : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    WebhookReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(HandleAsync);
    }

    public ConcurrentQueue<ReceivedPost> Posts { get; } = new();

    /// <summary>By path; 204 where nothing is said.</summary>
    public ConcurrentDictionary<string, int> Statuses { get; } = new();

    public string? RetryAfter { get; set; }

    /// <summary>Completes when somebody has asked for <c>/hangs</c>.</summary>
    public TaskCompletionSource Hangs { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Uri Address => new(_app.Urls.Single());

    public static async Task<WebhookReceiver> StartAsync()
    {
        var receiver = new WebhookReceiver();
        await receiver._app.StartAsync();
        return receiver;
    }

    public string Url(string path) => new Uri(Address, path).ToString();

    async Task HandleAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync();
        Posts.Enqueue(new(http.Request.Path, body, http.Request.Headers.ToDictionary(one => one.Key, one => one.Value.ToString(),
            StringComparer.OrdinalIgnoreCase)));
        if (http.Request.Path == "/hangs")
        {
            Hangs.TrySetResult();
            await Task.WhenAny(_release.Task, Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted));
        }
        if (RetryAfter is { } pause) http.Response.Headers.RetryAfter = pause;
        http.Response.StatusCode = Statuses.GetValueOrDefault(http.Request.Path.Value!, 204);
        if (http.Response.StatusCode == 302) http.Response.Headers.Location = Url("/elsewhere");
    }

    public async ValueTask DisposeAsync()
    {
        _release.TrySetResult();
        await _app.DisposeAsync();
    }
}
