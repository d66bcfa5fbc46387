namespace VBackup.Cli.Terminal;

/// <summary>Shows how many things of how many are done: on one line, or an event a second at most. Thread-safe.</summary>
sealed class CountMeter(Screen screen, string what, string things) : IProgress<(int Done, int Total)>, IDisposable
{
    static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);
    readonly TimeProvider _clock = TimeProvider.System;
    readonly Lock _lock = new();
    long? _shownAt;

    public void Report((int Done, int Total) value)
    {
        if (!screen.ShowsProgress) return;
        lock (_lock)
        {
            if (_shownAt is { } last && _clock.GetElapsedTime(last) < s_interval) return;
            _shownAt = _clock.GetTimestamp();
            var text = $"{what}: {value.Done} of {value.Total} {things}";
            if (screen.IsJson) screen.Event(new StepEvent(text), EventJson.Default.StepEvent);
            else screen.Bar(text);
        }
    }

    public void Dispose() => screen.Bar("");
}
