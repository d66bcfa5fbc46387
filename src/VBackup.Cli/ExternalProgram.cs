using System.Diagnostics;
using VBackup.Cli.Terminal;

namespace VBackup.Cli;

/// <summary>A program of the system that we call.</summary>
static class ExternalProgram
{
    // Not everybody's PATH has the administrator's folders.
    static readonly string[] s_folders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    /// <exception cref="RefusedException">It is not installed.</exception>
    public static string Find(string name, string package) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(s_folders)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
        ?? throw new RefusedException($"{name} is missing: install the package {package} (on Debian: apt-get install {package})");

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="RefusedException">It failed; what it said last is in the message.</exception>
    public static async Task RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var (status, error) = await RunForStatusAsync(program, arguments, cancellation).ConfigureAwait(false);
        if (status != 0) throw new RefusedException($"{program} failed with status {status}: {error}");
    }

    /// <summary>Runs it to its end, whatever that is.</summary>
    /// <returns>Its exit status, and what it said on its standard error.</returns>
    public static async Task<(int Status, string Error)> RunForStatusAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program)
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new RefusedException($"{program} could not be started");
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var error = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await Task.WhenAll(output, error).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            // Whoever tidies up after it must find that it writes no more.
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
        return (process.ExitCode, (await error.ConfigureAwait(false)).Trim());
    }
}
