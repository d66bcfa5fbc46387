using System.Text.Json;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A whole backup system that runs as a process of its own.</summary>
internal sealed class UpProcess : IAsyncDisposable
{
    UpProcess(CliProcess process, JsonElement told)
    {
        Process = process;
        OneTimePassword = told.GetProperty("oneTimePassword").GetString();
        Http = new() { BaseAddress = new(told.GetProperty("address").GetString()!) };
    }

    public CliProcess Process { get; }
    public HttpClient Http { get; }
    public string? OneTimePassword { get; }

    /// <summary>Returns when it listens.</summary>
    public static async Task<UpProcess> StartAsync(string data, params string[] more)
    {
        var told = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = CliProcess.Start(["up", "--data", data, "--listen", "127.0.0.1:0", "--json", .. more], onOutput: (_, line) =>
        {
            using var document = JsonDocument.Parse(line);
            told.TrySetResult(document.RootElement.Clone());
        });
        if (!await process.ComesBeforeEndAsync(told.Task)) Assert.Fail((await process.WaitAsync()).ToString());
        return new(process, await told.Task);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Process.DisposeAsync();
    }
}
