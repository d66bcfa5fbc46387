using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VBackup.Clouds.Tests;

/// <summary>A lab server's guest in a process of its own.</summary>
sealed class GuestProcess : IAsyncDisposable
{
    const int SignalStop = 19, SignalContinue = 18;
    readonly Process _process;

    GuestProcess(Process process) => _process = process;

    /// <summary>Returns when the guest runs.</summary>
    public static async Task<GuestProcess> StartAsync(string folder, string server, CancellationToken cancellation)
    {
        var process = new Process
        {
            StartInfo = new(Environment.ProcessPath ?? throw new InvalidOperationException("no program"))
            {
                RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            },
        };
        foreach (var argument in (string[])["guest", folder, server]) process.StartInfo.ArgumentList.Add(argument);
        process.Start();
        var guest = new GuestProcess(process);
        var line = await process.StandardOutput.ReadLineAsync(cancellation);
        if (line == "runs") return guest;
        var reason = await process.StandardError.ReadToEndAsync(cancellation);
        await guest.DisposeAsync();
        throw new InvalidOperationException($"the guest did not start: {line} {reason}");
    }

    public void Stop() => Send(SignalStop);

    public void Continue() => Send(SignalContinue);

    public async Task<int> ExitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation);
        return _process.ExitCode;
    }

    public async Task KillAsync(CancellationToken cancellation)
    {
        _process.Kill();
        await _process.WaitForExitAsync(cancellation);
    }

    void Send(int signal)
    {
        if (kill(_process.Id, signal) != 0) throw new InvalidOperationException($"signal {signal}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int kill(int process, int signal);
}
