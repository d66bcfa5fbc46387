using System.Diagnostics;
using System.Globalization;
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
    const int SignalBase = 128, ProcessorUsedUp = 24;   // How .NET tells of a signal's number; SIGXCPU
    static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(30);

    /// <exception cref="RefusedException">It is not installed.</exception>
    public static string Find(string name, string package) => FindOrNull(name)
        ?? throw new RefusedException($"{name} is missing: install the package {package} (on Debian: apt-get install {package})");

    /// <summary>Its path; null when it is not installed.</summary>
    public static string? FindOrNull(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(s_folders)
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs it to its end.</summary>
    /// <inheritdoc cref="TryAsync" path="/param"/>
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="RefusedException">It failed; what it said last is in the message.</exception>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation,
        Action<string>? onLine = null, ProgramLimits? limits = null)
    {
        var ended = await TryAsync(program, arguments, cancellation, onLine, limits).ConfigureAwait(false);
        return ended.Status == 0 ? ended.Output
            : throw new RefusedException($"{program} failed with status {ended.Status}: {ended.Errors.Trim()}");
    }

    /// <summary>Runs it to its end, however that is.</summary>
    /// <param name="onLine">Gets each line of its standard output as it comes.</param>
    /// <param name="limits">Null for one that works on nothing that somebody else has made.</param>
    /// <exception cref="RefusedException">It took more than it may.</exception>
    /// <exception cref="IOException">It stood still.</exception>
    public static async Task<ProgramOutcome> TryAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation,
        Action<string>? onLine = null, ProgramLimits? limits = null)
    {
        using var process = Process.Start(StartOf(program, arguments, limits))
            ?? throw new RefusedException($"{program} could not be started");
        process.StandardInput.Close();
        using var watch = limits is null ? null : new ProgramWatch(limits, () => TransfersOf(process.Id), cancellation);
        var stop = watch?.Over ?? cancellation;
        var output = ReadAsync(process.StandardOutput, onLine, stop);
        var error = ReadComplaintsAsync(program, process.StandardError, stop);
        try
        {
            // The first that fails is not to wait for the other, which may go on for ever.
            await (await Task.WhenAny(output, error).ConfigureAwait(false)).ConfigureAwait(false);
            await Task.WhenAll(output, error).ConfigureAwait(false);
            await process.WaitForExitAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (watch is { Reason: { } reason } && !cancellation.IsCancellationRequested)
        {
            await EndAsync(process, limits).ConfigureAwait(false);
            // Whoever stands still may have waited for a storage that is well again later.
            throw watch.IsStill ? (Exception)new IOException($"{program} was ended: {reason}")
                : new RefusedException($"{program} was ended: {reason}");
        }
        catch
        {
            await EndAsync(process, limits).ConfigureAwait(false);
            throw;
        }
        if (limits is not null && process.ExitCode == SignalBase + ProcessorUsedUp)
            throw new RefusedException($"{program} was ended: it took more than {Units.Duration(limits.Processor)} of the processors");
        return new(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
    }

    static ProcessStartInfo StartOf(string program, IEnumerable<string> arguments, ProgramLimits? limits)
    {
        var start = new ProcessStartInfo(limits is null ? program : Find("prlimit", "util-linux"))
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in limits is null ? arguments : [.. limits.Arguments(), program, .. arguments])
            start.ArgumentList.Add(argument);
        // The C library sets aside addresses for each thread otherwise, 64 MiB a time, which nobody uses.
        if (limits is not null) start.Environment["MALLOC_ARENA_MAX"] = "2";
        return start;
    }

    static async Task EndAsync(Process process, ProgramLimits? limits)
    {
        process.Kill();
        // Whoever tidies up after it must find that it writes no more.
        var ending = process.WaitForExitAsync(CancellationToken.None);
        if (limits is null) await ending.ConfigureAwait(false);
        // One that hangs in the kernel ends when that lets it. It has no names, only open files.
        else await ending.WaitAsync(s_endPatience, limits.Clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // Bytes and calls that were read and written by it so far.
    static string? TransfersOf(int process)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/io"));
        }
        catch (Exception hidden) when (hidden is IOException or UnauthorizedAccessException)
        {
            return null;
        }
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
