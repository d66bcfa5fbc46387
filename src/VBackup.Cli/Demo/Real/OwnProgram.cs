using System.Diagnostics;
using System.Text.Json;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>This very program as a process of its own, run as a script would, with <c>--json</c>. Disposing it kills it, unless it
/// has ended.</summary>
sealed class OwnProgram : IAsyncDisposable
{
    readonly Process _process;
    readonly string _command;
    readonly List<JsonElement> _events = [];
    readonly Task _output;
    readonly Task<string> _errors;

    OwnProgram(ProcessStartInfo start, string command, Action<OwnProgram, JsonElement>? onEvent)
    {
        _command = command;
        _process = Process.Start(start) ?? throw new RefusedException($"'vbackup {command}' could not be started");
        _process.StandardInput.Close();
        _errors = _process.StandardError.ReadToEndAsync();
        _output = ReadAsync(onEvent);
    }

    public bool HasEnded => _process.HasExited;

    /// <param name="onEvent">Gets each event as it comes, on a thread of its own.</param>
    public static OwnProgram Start(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> variables, Action<OwnProgram, JsonElement>? onEvent = null)
    {
        var path = Environment.ProcessPath ?? throw new RefusedException("this process does not know its program");
        var start = new ProcessStartInfo(path) { RedirectStandardInput = true, RedirectStandardOutput = true,
            RedirectStandardError = true };
        if (Path.GetFileName(path) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.ArgumentList.Add("--json");
        foreach (var (name, value) in variables) start.Environment[name] = value;
        return new(start, string.Join(' ', arguments.TakeWhile(word => !word.StartsWith('-'))), onEvent);
    }

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for its end, however that is.</summary>
    /// <returns>All that it said.</returns>
    public async Task<IReadOnlyList<JsonElement>> EndAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        await _output.WaitAsync(cancellation).ConfigureAwait(false);
        return _events;
    }

    /// <summary>Waits until it has ended well.</summary>
    /// <exception cref="RefusedException">It failed; the message has its reason.</exception>
    public async Task<IReadOnlyList<JsonElement>> SucceedAsync(CancellationToken cancellation)
    {
        await EndAsync(cancellation).ConfigureAwait(false);
        if (_process.ExitCode == ExitStatus.Done) return _events;
        var error = (await _errors.WaitAsync(cancellation).ConfigureAwait(false)).Trim();
        throw new RefusedException($"the demo failed: 'vbackup {_command}' ended with status {_process.ExitCode}: {error}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        _process.Dispose();
    }

    async Task ReadAsync(Action<OwnProgram, JsonElement>? onEvent)
    {
        while (await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            using var document = JsonDocument.Parse(line);
            var said = document.RootElement.Clone();
            _events.Add(said);
            onEvent?.Invoke(this, said);
        }
    }
}
