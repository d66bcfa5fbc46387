using System.ComponentModel;
using System.Diagnostics;

namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>A watchdog that runs as a process. When ours dies, the end of its standard input tells it.</summary>
internal sealed class WatchdogProcess : IWatchdog
{
    private const string Operation = "arm the freeze watchdog";

    private static readonly TimeSpan s_armLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private readonly StreamWriter _input;
    private readonly StreamReader _output;
    private bool _hasEndedInput;
    private volatile bool _hasFired;

    private WatchdogProcess(Process process, TimeProvider clock)
    {
        _process = process;
        _input = process.StandardInput;
        _output = process.StandardOutput;
        _clock = clock;
        Ended = Task.CompletedTask;
    }

    public bool HasFired => _hasFired;

    public Task Ended { get; private set; }

    internal int ProcessId => _process.Id;

    /// <exception cref="CloudException">It could not be started, or did not reach the hypervisor; then none
    /// runs.</exception>
    public static async Task<WatchdogProcess> ArmAsync(
        WatchdogProgram program, WatchdogOrders orders, TimeProvider clock, CancellationToken cancellation)
    {
        var watchdog = new WatchdogProcess(Start(program, orders), clock);
        try
        {
            var line = await watchdog._output.ReadLineAsync(cancellation).AsTask()
                .WaitAsync(s_armLimit, clock, cancellation).ConfigureAwait(false);
            if (line != WatchdogWords.Armed)
                throw new CloudException(CloudFailure.Other, Operation, orders.Server, line ?? $"{program.Path} ended without a word");
            watchdog.Ended = watchdog.ListenAsync();
            return watchdog;
        }
        catch (Exception failure)
        {
            // Nothing was frozen for it yet.
            watchdog._process.Kill();
            watchdog._process.Dispose();
            if (failure is not TimeoutException) throw;
            throw new CloudException(
                CloudFailure.TimedOut, Operation, orders.Server, $"no word from it within {s_armLimit.TotalSeconds} s", failure);
        }
    }

    public async Task ReleaseAsync()
    {
        EndInput(WatchdogWords.Release);
        try
        {
            await Ended.WaitAsync(s_endLimit, _clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It was told, and it has read nothing else that could keep it: it ends when it gets to it.
        }
    }

    public void LeaveAlone() => EndInput(lastWord: null);

    public ValueTask DisposeAsync()
    {
        LeaveAlone();
        return ValueTask.CompletedTask;
    }

    private static Process Start(WatchdogProgram program, WatchdogOrders orders)
    {
        var start = new ProcessStartInfo(program.Path, [.. program.Arguments, .. orders.ToArguments()])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false,
            // Not in a folder that somebody may want to unmount.
            WorkingDirectory = "/",
        };
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception failure)
        {
            throw new CloudException(CloudFailure.Other, Operation, orders.Server, $"{program.Path}: {failure.Message}", failure);
        }
    }

    private async Task ListenAsync()
    {
        try
        {
            while (await _output.ReadLineAsync(CancellationToken.None).ConfigureAwait(false) is { } line)
                if (line == WatchdogWords.Thawing) _hasFired = true;
        }
        catch (IOException)
        {
            // What cannot be heard any more has ended, for all we know.
        }
        _process.Dispose();
    }

    /// <summary>May be called several times; the first counts.</summary>
    private void EndInput(string? lastWord)
    {
        lock (_lock)
        {
            if (_hasEndedInput) return;
            _hasEndedInput = true;
        }
        try
        {
            if (lastWord is not null) _input.Write(lastWord + "\n");
            _input.Close();
        }
        catch (IOException)
        {
            // It has ended and hears nothing any more; whoever waits for its end knows.
        }
    }
}
