using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A whole backup system that runs as a process of its own.</summary>
internal sealed class UpProcess : IAsyncDisposable
{
    const int LooksMax = 600;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(200);

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
    public static Task<UpProcess> StartAsync(string data, params string[] more) => StartAsync(data, steps: null, variables: null, more);

    /// <param name="steps">Behind each, the process stands still until it was looked at; null: it just runs.</param>
    public static async Task<UpProcess> StartAsync(
        string data, Steps? steps, IReadOnlyDictionary<string, string?>? variables, params string[] more)
    {
        var told = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        string[] arguments = ["up", "--data", data, "--listen", "127.0.0.1:0", "--json", .. more];
        var process = CliProcess.Start(steps is null ? arguments : [.. Steps.Before, CliProcess.Program, .. arguments], variables,
            steps is null ? null : Steps.Program, onOutput: (_, line) =>
        {
            using var document = JsonDocument.Parse(line);
            told.TrySetResult(document.RootElement.Clone());
        }, onError: steps is null ? null : steps.Look);
        if (!await process.ComesBeforeEndAsync(told.Task)) Assert.Fail((await process.WaitAsync()).ToString());
        return new(process, await told.Task);
    }

    /// <summary>At the first start: the one-time password is changed, and the API is used as the administrator.</summary>
    public async Task SignInAsync(string chosen)
    {
        (await Http.PutAsJsonAsync("/api/v1/users/me/password", new { user = "admin", password = OneTimePassword, newPassword = chosen }))
            .EnsureSuccessStatusCode();
        var session = await PostAsync("sessions", new { user = "admin", password = chosen });
        Http.DefaultRequestHeaders.Authorization = new("Bearer", session.GetProperty("token").GetString());
    }

    public async Task<JsonElement> GetAsync(string path) => await Http.GetFromJsonAsync<JsonElement>($"/api/v1/{path}");

    public async Task<JsonElement> PostAsync(string path, object body)
    {
        var answer = await Http.PostAsJsonAsync($"/api/v1/{path}", body);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>Its region and id, once the worker has told of it.</summary>
    public async Task<string> FirstServerAsync()
    {
        for (var look = 0; look < LooksMax; look++)
        {
            var servers = (await GetAsync("servers")).GetProperty("items");
            if (servers.GetArrayLength() > 0)
                return $"{servers[0].GetProperty("region").GetString()}/{servers[0].GetProperty("id").GetString()}";
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException("no server was told of");
    }

    /// <summary>Follows a run by its events until it is over.</summary>
    /// <returns>How it ended.</returns>
    public async Task<string?> FollowAsync(JsonElement started)
    {
        var run = started.GetProperty("run").GetString();
        // The stream ends when the run does.
        await Http.GetStringAsync($"/api/v1/runs/{run}/events");
        var over = await GetAsync($"runs/{run}");
        Assert.True(over.GetProperty("isOver").GetBoolean());
        return over.GetProperty("state").GetString();
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Process.DisposeAsync();
    }
}
