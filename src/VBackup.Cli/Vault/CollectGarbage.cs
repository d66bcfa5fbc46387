using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault.Collecting;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault gc</c></summary>
static class CollectGarbage
{
    const int ShownMax = 3;

    static readonly Option<string> s_sessionTimeout = new("--session-timeout")
    {
        HelpName = "TIME",
        Description = "Take a session for dead that shows no sign of life so long: 90s, 15min, 2h.",
        DefaultValueFactory = _ => "15min",
    };

    public static Command Define()
    {
        var command = new Command("gc", "Free what no restore point needs. Backups and restores may go on meanwhile.");
        VaultAccess.AddHoldingOptions(command);
        command.Add(s_sessionTimeout);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), ReadOptions(parsed.GetRequiredValue(s_sessionTimeout)), Screen.Of(parsed), stop));
        return command;
    }

    static CollectorOptions ReadOptions(string text) => Units.TryParseDuration(text, out var time)
        ? new() { SessionTimeout = time }
        : throw new UsageException($"--session-timeout {text} is not a time: write seconds, or as in 90s, 15min, 2h");

    static async Task<int> HandleAsync(VaultAccess access, CollectorOptions options, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var result = await RunAsync(access, options, screen, stop).ConfigureAwait(false);
        screen.Event(new CollectEvent(
            result.PacksDeleted, result.PacksRewritten, result.DeletedBytes, result.CopiedBytes, result.PackBytes, result.WasteBytes,
            result.SessionsRevoked, result.DamagedPacks, result.IsPostponed, result.IsShortOfRoom, meter.ElapsedSeconds,
                RunMeter.HeapAllocatedBytes, RunMeter.PeakResidentBytes, result.PacksHeld),
            EventJson.Default.CollectEvent);
        screen.Line($"freed {Units.Size(Math.Max(0, result.DeletedBytes - result.CopiedBytes))}: "
            + $"{Units.Count(result.PacksDeleted, "pack")} deleted, "
            + $"{result.PacksRewritten} of them rewritten ({Units.Size(result.CopiedBytes)} copied), in {Units.Duration(meter.Elapsed)}");
        screen.Line($"{Units.Size(result.PackBytes)} remain, {Units.Percent(Share(result.WasteBytes, result.PackBytes))} of it waste");
        if (result.PacksHeld > 0)
            screen.Line($"{Units.Count(result.PacksHeld, "pack")} that nothing needs stay until the store holds them no more");
        if (result.IsPostponed)
            screen.Line("nothing was deleted: a run that is going on builds on something that was not found. "
                + "Collect again when it is over");
        if (result.IsShortOfRoom)
            screen.Line("the store is too full to rewrite all packs that hold little of use: delete points and collect again, or give it "
                + "more room");
        if (result.SessionsRevoked > 0) screen.Line($"{Units.Count(result.SessionsRevoked, "session")} taken for dead and revoked");
        foreach (var pack in result.DamagedPacks) screen.Line($"{pack} is damaged and was left as it is: run 'vbackup vault repair'");
        return result.DamagedPacks.Count > 0 ? ExitStatus.DamageFound : ExitStatus.Done;
    }

    public static async Task<CollectionResult> RunAsync(
        VaultAccess access, CollectorOptions options, Screen screen, CancellationToken cancellation)
    {
        var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
        options = options with { OnWaiting = sessions => screen.Note(DescribeWait(sessions, options.SessionTimeout)) };
        await using (vault.ConfigureAwait(false))
            return await Collector.RunAsync(vault, options, screen.FollowSteps(), cancellation).ConfigureAwait(false);
    }

    static string DescribeWait(IReadOnlyList<WaitedSession> sessions, TimeSpan? timeout)
    {
        var shown = sessions.Take(ShownMax).Select(session => $"{session.Session} ({session.Purpose}"
            + (session.Host.Length > 0 ? $" on {session.Host}, process {session.ProcessId}" : "")
            + $", since {Units.Time(session.StartedAt)}; no sign of life seen since {Units.Time(session.SilentSince)})");
        var more = sessions.Count > ShownMax ? $" and {Units.Count(sessions.Count - ShownMax, "other")}" : "";
        return $"waiting until {Units.Count(sessions.Count, "session")} {(sessions.Count == 1 ? "is" : "are")} over: "
            + string.Join(", ", shown) + more
            + (timeout is { } time ? $". One that shows no sign of life for {Units.Duration(time)} is taken for dead" : "")
            + ". Ctrl-C ends this and deletes nothing; if you know that none of them runs, --session-timeout 0 waits for nobody";
    }

    static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
