using System.Diagnostics;
using System.Text;

namespace VBackup.Edge.Running;

/// <summary>What a program that has ended said.</summary>
public sealed record ProgramOutcome(int Status, string Output, string Errors);

/// <summary>A program of the system that we call.</summary>
public static class ExternalProgram
{
    // Not everybody's PATH has the administrator's folders.
    static readonly string[] s_folders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    const int ComplaintsKept = 8 * 1024, ComplaintsMax = 16 * 1024 * 1024;

    /// <exception cref="RefusedException">It is not installed.</exception>
    public static string Find(string name, string package) => FindOrNull(name)
        ?? throw new RefusedException($"{name} is missing: install the package {package} (on Debian: apt-get install {package})");

    /// <summary>Its path; null when it is not installed.</summary>
    public static string? FindOrNull(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(s_folders)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="RefusedException">It failed; what it said last is in the message.</exception>
    public static async Task<string> RunAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellation, Action<string>? onLine = null)
    {
        var ended = await TryAsync(program, arguments, cancellation, onLine).ConfigureAwait(false);
        return ended.Status == 0 ? ended.Output
            : throw new RefusedException($"{program} failed with status {ended.Status}: {ended.Errors.Trim()}");
    }

    /// <summary>Runs it to its end, however that is.</summary>
    /// <param name="onLine">Gets each line of its standard output as it comes.</param>
    public static async Task<ProgramOutcome> TryAsync(
        string program, IEnumerable<string> arguments, CancellationToken cancellation, Action<string>? onLine = null)
    {
        var start = new ProcessStartInfo(program)
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start) ?? throw new RefusedException($"{program} could not be started");
        process.StandardInput.Close();
        var output = ReadAsync(process.StandardOutput, onLine, cancellation);
        var error = ReadComplaintsAsync(program, process.StandardError, cancellation);
        try
        {
            // The first that fails is not to wait for the other, which may go on for ever.
            await (await Task.WhenAny(output, error).ConfigureAwait(false)).ConfigureAwait(false);
            await Task.WhenAll(output, error).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            process.Kill();
            // Whoever tidies up after it must find that it writes no more.
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
        return new(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
    }

    // What comes last says why it failed. A hostile image has a line for each of its faults, of which it may have billions.
    static async Task<string> ReadComplaintsAsync(string program, StreamReader reader, CancellationToken cancellation)
    {
        var (piece, last) = (new char[ComplaintsKept], new StringBuilder());
        long told = 0;
        while (await reader.ReadAsync(piece, cancellation).ConfigureAwait(false) is > 0 and var count)
        {
            last.Append(piece, 0, count);
            if (last.Length > ComplaintsKept) last.Remove(0, last.Length - ComplaintsKept);
            told += count;
            if (told > ComplaintsMax)
                throw new RefusedException($"{program} complains without end, at last: {last.ToString().Trim().Split('\n')[^1]}");
        }
        return $"{last}";
    }

    static async Task<string> ReadAsync(StreamReader reader, Action<string>? onLine, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            text.Append(line).Append('\n');
            onLine?.Invoke(line);
        }
        return text.ToString();
    }
}
