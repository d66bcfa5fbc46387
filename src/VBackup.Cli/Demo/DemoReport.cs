using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo;

/// <summary>Times the demo's steps, says what they do as they go, and sums them up in a table.</summary>
sealed class DemoReport(Screen screen)
{
    readonly TextTable _table = new("STEP", ">TIME", ">RATE", "RESULT");
    readonly List<DemoStepEvent> _steps = [];
    readonly RunMeter _whole = new();
    string _conclusion = "";

    /// <param name="handledBytes">Bytes that a rate is worked out for; 0 for none.</param>
    /// <param name="work">Returns what came of it.</param>
    public async Task TimeAsync(string step, long handledBytes, Func<Task<string>> work)
    {
        screen.Line($"{step.Trim()} …");
        var meter = new RunMeter();
        var result = await work().ConfigureAwait(false);
        var elapsed = meter.Elapsed;
        _table.Add(step, Units.Duration(elapsed), handledBytes == 0 ? "" : Units.Rate(handledBytes, elapsed), result);
        _steps.Add(new(step.Trim(), Math.Round(elapsed.TotalSeconds, 3), handledBytes, result));
    }

    public void Conclude(long logicalBytes, long allocatedBytes, int points, long storedBytes) =>
        _conclusion = $"{points} points of {Units.Size(logicalBytes)} each ({Units.Size(allocatedBytes)} in use) took "
            + $"{Units.Size(storedBytes)} in the vault: "
            + $"{Units.Percent(1 - (double)storedBytes / (points * allocatedBytes))} of what is in use saved";

    /// <summary>REQUIRES: every step held; one that does not throws.</summary>
    public void Show()
    {
        screen.Event(new DemoEvent(_whole.ElapsedSeconds, _steps, _conclusion, RunMeter.PeakResidentBytes, DemoRun.InOrder),
            EventJson.Default.DemoEvent);
        screen.Line();
        screen.Table(_table);
        screen.Line();
        screen.Line(_conclusion);
        screen.Line($"everything held, in {Units.Duration(_whole.Elapsed)}; at most {Units.Size(RunMeter.PeakResidentBytes)} of memory");
    }
}
