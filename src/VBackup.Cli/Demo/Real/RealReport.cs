using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>What came of a step.</summary>
/// <param name="HandledBytes">That a rate is worked out for; 0 for none.</param>
/// <param name="Held">For how long the guest was held in it, when it was.</param>
sealed record StepResult(string Text, long HandledBytes = 0, TimeSpan? Held = null);

/// <summary>Times the story's steps, says what they do as they go, and sums them up in a table.</summary>
sealed class RealReport(Screen screen)
{
    readonly TextTable _table = new("STEP", ">TIME", ">RATE", ">GUEST HELD", "RESULT");
    readonly List<RealStepEvent> _steps = [];
    readonly List<TimeSpan> _holds = [];
    readonly RunMeter _whole = new();

    public void Say(string text) => screen.Line(text);

    public async Task<TimeSpan> TimeAsync(string step, Func<Task<StepResult>> work)
    {
        screen.Line($"{step} …");
        var meter = new RunMeter();
        var result = await work().ConfigureAwait(false);
        var elapsed = meter.Elapsed;
        if (result.Held is { } time) _holds.Add(time);
        var rate = result.HandledBytes == 0 ? "" : Units.Rate(result.HandledBytes, elapsed);
        var held = result.Held is { } hold ? Milliseconds(hold) : "";
        screen.Line("  " + string.Join(", ", ((string[])[
            Units.Duration(elapsed), rate, held.Length == 0 ? "" : $"guest held {held}", result.Text]).Where(part => part.Length > 0)));
        _table.Add(step, Units.Duration(elapsed), rate, held, result.Text);
        _steps.Add(new(step, Seconds(elapsed), result.HandledBytes, result.Held?.TotalMilliseconds is { } number ? Math.Round(number, 1)
            : null,
            result.Text));
        return elapsed;
    }

    public void Show(Stage stage)
    {
        var holds = _holds.Order().ToList();
        TimeSpan median = holds[holds.Count / 2], worst = holds[^1];
        var isFrozen = stage.Points.TrueForAll(point => point.Journal is { IsFrozen: true });
        var journal = stage.Points.TrueForAll(point => point.Journal is { IsInOrder: true }) ? "ORDER-OK" : "ORDER-BROKEN";
        screen.Line();
        screen.Table(_table);
        screen.Line();
        screen.Line($"{stage.Points.Count} points, each {journal}{(isFrozen ? " and FROZEN" : "")}; "
            + $"{Units.Count(stage.OrphanSnapshots, "orphan snapshot")}");
        screen.Line($"guest held: median {Milliseconds(median)}, worst {Milliseconds(worst)}");
        screen.Line($"everything held, in {Units.Duration(_whole.Elapsed)}");
        screen.Event(new RealDemoEvent(journal, isFrozen, stage.OrphanSnapshots, stage.Points.Count, Seconds(_whole.Elapsed),
            Math.Round(median.TotalMilliseconds, 1), Math.Round(worst.TotalMilliseconds, 1), Seconds(stage.ThawedAfterKill), _steps),
            EventJson.Default.RealDemoEvent);
    }

    static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 3);

    static string Milliseconds(TimeSpan time) => $"{(long)time.TotalMilliseconds} ms";
}
