using System.Text.RegularExpressions;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>
/// A process under strace, which stands still behind each call that gives a file its name or takes it away, until somebody has looked at
/// what that was. So it can be killed exactly where a test wants it, however slow the machine is.
/// </summary>
internal sealed partial class Steps
{
    const string Calls = "rename,link,unlink";
    const int Stop = 19, Continue = 18;
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    readonly Lock _lock = new();
    readonly Dictionary<string, string> _begun = [];
    (Regex Step, TaskCompletionSource Reached)? _awaited;
    bool _standsStill;

    public const string Program = "/usr/bin/strace";

    /// <summary>What comes before the program that is to be looked at. -D: what is started is that program, and strace beside it.</summary>
    public static string[] Before { get; } =
        ["-D", "-f", "-qq", "--seccomp-bpf", "-e", $"trace={Calls}", "-e", "signal=none", "-e", $"inject={Calls}:signal=STOP"];

    public static void Need() => Needs.Program(Program, "strace");

    /// <summary>Has the process stand still behind the next call that looks so: the call's name and its paths in quotes.</summary>
    /// <returns>Done when it does.</returns>
    public Task StandsStillAt(Regex step)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock) _awaited = (step, reached);
        return reached.Task.WaitAsync(s_patience, TimeProvider.System);
    }

    /// <summary>Lets it go on, after it stood still where it was to.</summary>
    public void GoOn(CliProcess process)
    {
        lock (_lock)
        {
            _standsStill = false;
            process.Signal(Continue);
        }
    }

    /// <summary>Looks at a line that strace, or the process itself, has written.</summary>
    public void Look(CliProcess process, string line)
    {
        lock (_lock)
        {
            if (CallOf(line) is not { } call || _standsStill) return;
            if (_awaited is { } awaited && awaited.Step.IsMatch(call))
            {
                (_awaited, _standsStill) = (null, true);
                // Another thread may have been let go on at the same moment.
                process.Signal(Stop);
                awaited.Reached.TrySetResult();
                return;
            }
            process.Signal(Continue);
        }
    }

    /// <returns>A call that is over, whole; null for everything else.</returns>
    string? CallOf(string line)
    {
        if (Traced().Match(line) is not { Success: true } parts) return null;
        var (thread, text) = (parts.Groups[1].Value, parts.Groups[2].Value);
        if (text.EndsWith("<unfinished ...>", StringComparison.Ordinal))
        {
            _begun[thread] = text;
            return null;
        }
        return text.StartsWith("<...", StringComparison.Ordinal) && _begun.Remove(thread, out var begun) ? begun : text;
    }

    [GeneratedRegex(@"^(?:\[pid +(\d+)\] )?((?:<\.\.\. )?(?:rename|link|unlink)[( ].*)$")]
    private static partial Regex Traced();
}
