using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>
/// A run of the command line under strace, which holds each durable step (fsync, rename, link, unlink) for a moment when it
/// is done and says so; the run is killed at the step asked for. The steps of all threads are counted together.
/// </summary>
internal static class TracedRun
{
    const string Strace = "/usr/bin/strace";
    static readonly string[] s_calls = ["fsync(", "rename(", "link(", "unlink("];

    public static void Need() => Needs.Program(Strace, "strace");

    /// <returns>How it ended, and whether it was killed: a run that has fewer steps ends by itself.</returns>
    public static async Task<(Ended Ended, bool Killed)> KillAtStepAsync(int step, string[] arguments, string folder)
    {
        var seen = 0;
        var killed = false;
        // -D: the process that is started here is the command line itself, strace is beside it.
        await using var run = CliProcess.Start(
            ["-D", "-f", "-qq", "--seccomp-bpf", "-e", "trace=fsync,rename,link,unlink", "-e",
                "inject=fsync,rename,link,unlink:delay_exit=15000", CliProcess.Program, .. arguments],
            program: Strace, folder: folder, onError: (process, line) =>
            {
                if (killed || !s_calls.Any(call => line.Contains(call, StringComparison.Ordinal))
                    || line.Contains("/tmp/clr", StringComparison.Ordinal)
                    || ++seen < step) return;
                killed = true;
                process.Kill();
            });
        var ended = await run.WaitAsync();
        Assert.True(killed || ended.Status == 0, $"neither killed nor done: {ended}");
        return (ended, killed && ended.Status == 137);
    }
}
