using System.Collections.Concurrent;
using System.Net.Mime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A request, as a Portal hears it.</summary>
internal sealed record Heard(string Method, string Target, string? Token, string? Key, string? Version, string Body);

/// <summary>Answers as a Portal does, and as one that has troubles, which the real one cannot be brought to have when a test wants
/// it.</summary>
internal sealed class FakePortal : IAsyncDisposable
{
    readonly WebApplication _application;
    readonly ConcurrentQueue<Heard> _heard = new();

    FakePortal(WebApplication application) => _application = application;

    public string Url => _application.Urls.Single();

    /// <summary>All requests, in their order.</summary>
    public IReadOnlyList<Heard> Requests => [.. _heard];

    /// <param name="answer">Gets the request, and how many of the same method and path came before it.</param>
    public static async Task<FakePortal> StartAsync(Func<HttpContext, Heard, int, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var portal = new FakePortal(builder.Build());
        portal._application.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            var heard = new Heard(http.Request.Method, $"{http.Request.Path}{http.Request.QueryString}", http.Request.Headers.Authorization,
                http.Request.Headers["Idempotency-Key"], http.Request.Headers.IfMatch, await reader.ReadToEndAsync());
            var before = portal._heard.Count(one => one.Method == heard.Method && one.Target == heard.Target);
            portal._heard.Enqueue(heard);
            await answer(http, heard, before);
        });
        await portal._application.StartAsync();
        return portal;
    }

    public static Task JsonAsync(HttpContext http, object answer) => http.Response.WriteAsJsonAsync(answer);

    public static Task ProblemAsync(HttpContext http, int status, string code, string detail)
    {
        http.Response.StatusCode = status;
        return http.Response.WriteAsJsonAsync(new { title = "No.", status, detail, code }, options: null,
            MediaTypeNames.Application.ProblemJson);
    }

    /// <summary>Begins a stream of events with this one.</summary>
    public static async Task EventAsync(HttpContext http, object run)
    {
        http.Response.ContentType = "text/event-stream";
        await http.Response.WriteAsync($"event: run\ndata: {System.Text.Json.JsonSerializer.Serialize(run)}\n\n");
        await http.Response.Body.FlushAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }
}
