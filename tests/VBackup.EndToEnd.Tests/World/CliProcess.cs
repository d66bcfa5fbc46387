using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>What a program that has ended said.</summary>
internal sealed record Ended(int Status, IReadOnlyList<string> Output, IReadOnlyList<string> Errors)
{
    /// <summary>The last line, which sums up what was done.</summary>
    public JsonElement Last => JsonOf(Output[^1]);

    public IEnumerable<JsonElement> Events => Output.Select(JsonOf);

    public Ended Expect(int status)
    {
        Assert.True(Status == status, $"expected exit status {status}: {this}");
        // Whoever reads the last line of --json has to find there what was done.
        Assert.DoesNotContain(Output.SkipLast(1), line => line.StartsWith("{\"event\":\"completed\"", StringComparison.Ordinal));
        return this;
    }

    public override string ToString() =>
        $"exit status {Status}\n{string.Join('\n', Output.TakeLast(10))}\n{string.Join('\n', Errors.TakeLast(10))}";

    static JsonElement JsonOf(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }
}

/// <summary>A program that the tests started. Disposing it kills it, unless it has ended.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    // Far longer than anything takes, so that a hang fails a test and does not stop the suite.
    static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(8);

    /// <summary>The one that ./vbackup starts, where test.sh has built it: what users run, and quicker to start.</summary>
    public static string Program { get; } =
        Environment.GetEnvironmentVariable("VBACKUP_TEST_PROGRAM") ?? Path.Combine(AppContext.BaseDirectory, "vbackup");

    readonly Process _process;
    readonly List<string> _output = [], _errors = [];
    readonly Task _reading;
    readonly CancellationTokenSource _deadline = new(s_deadline, TimeProvider.System);

    CliProcess(ProcessStartInfo start, Action<CliProcess, string>? onOutput, Action<CliProcess, string>? onError)
    {
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _reading = Task.WhenAll(
            ReadAsync(_process.StandardOutput, _output, onOutput), ReadAsync(_process.StandardError, _errors, onError));
    }

    /// <summary>Starts the command line. The callbacks get each line as it comes.</summary>
    public static CliProcess Start(
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? variables = null, string? program = null,
        string? folder = null, Action<CliProcess, string>? onOutput = null, Action<CliProcess, string>? onError = null)
    {
        var start = new ProcessStartInfo(program ?? Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        // Sockets for debuggers, which a killed process would leave behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        if (Environment.ProcessPath is { } runner && Path.GetDirectoryName(runner) is { } own && File.Exists(Path.Combine(own, "dotnet")))
            start.Environment["DOTNET_ROOT"] = own;
        foreach (var (name, value) in variables ?? new Dictionary<string, string?>()) start.Environment[name] = value;
        return new(start, onOutput, onError);
    }

    public static async Task<Ended> RunAsync(
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? variables = null, string? program = null,
            string? folder = null)
    {
        await using var process = Start(arguments, variables, program, folder);
        return await process.WaitAsync();
    }

    public async Task<Ended> WaitAsync()
    {
        await _process.WaitForExitAsync(_deadline.Token);
        await _reading.WaitAsync(_deadline.Token);
        lock (_output) lock (_errors) return new(_process.ExitCode, [.. _output], [.. _errors]);
    }

    /// <summary>Waits for something, but never longer than until the process has ended.</summary>
    /// <returns>Whether it came.</returns>
    public async Task<bool> ComesBeforeEndAsync(Task something) =>
        await Task.WhenAny(something, _process.WaitForExitAsync(_deadline.Token)) == something;

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    public Task SignalAsync(string signal) =>
        RunAsync([$"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)], program: "/bin/kill");

    /// <summary>At once, where a program that sends it would be too slow.</summary>
    /// <param name="signal">Its number.</param>
    public void Signal(int signal)
    {
        // One that has ended meanwhile hears nothing.
        if (!_process.HasExited) _ = kill(_process.Id, signal);
    }

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int kill(int process, int signal);

    static async Task ReadAsync(StreamReader reader, List<string> lines, Action<string>? onLine)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (lines) lines.Add(line);
            onLine?.Invoke(line);
        }
    }

    Task ReadAsync(StreamReader reader, List<string> lines, Action<CliProcess, string>? onLine) =>
        ReadAsync(reader, lines, onLine is null ? null : line => onLine(this, line));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _deadline.Dispose();
    }
}
