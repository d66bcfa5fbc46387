using VBackup.DataPath;

namespace VBackup.Cli.Terminal;

/// <summary>Shows how far a transfer is: a bar, or an event a second at most. Thread-safe; allocates only when it shows.</summary>
sealed class ProgressMeter : ITransferMeter
{
    const int BarWidth = 24;
    static readonly TimeSpan s_eventInterval = TimeSpan.FromSeconds(1);
    static readonly TimeSpan s_barInterval = TimeSpan.FromMilliseconds(200);

    readonly Screen _screen;
    readonly string _what;
    readonly long _totalBytes;
    readonly TimeSpan _interval;
    readonly TimeProvider _clock = TimeProvider.System;
    readonly long _start;
    readonly Lock _lock = new();
    long _doneBytes;
    long _shownAt;

    public ProgressMeter(Screen screen, string what, long totalBytes)
    {
        _screen = screen;
        _what = what;
        _totalBytes = totalBytes;
        _interval = screen.IsJson ? s_eventInterval : s_barInterval;
        _start = _shownAt = _clock.GetTimestamp();
    }

    public void Report(TransferProgress value)
    {
        if (!_screen.ShowsProgress) return;
        lock (_lock)
        {
            // Workers finish out of order; a bar that goes back would only confuse.
            if (value.DoneBytes <= _doneBytes) return;
            _doneBytes = value.DoneBytes;
            if (_clock.GetElapsedTime(_shownAt) < _interval) return;
            _shownAt = _clock.GetTimestamp();
            Show(_clock.GetElapsedTime(_start));
        }
    }

    void Show(TimeSpan elapsed)
    {
        if (_screen.IsJson)
        {
            _screen.Event(new ProgressEvent(_what, _doneBytes, _totalBytes, Math.Round(elapsed.TotalSeconds, 3)),
                EventJson.Default.ProgressEvent);
            return;
        }
        var share = _totalBytes == 0 ? 1 : (double)_doneBytes / _totalBytes;
        var filled = (int)(share * BarWidth);
        var left = share > 0.01 ? $", {Units.Duration(elapsed / share - elapsed)} left" : "";
        _screen.Bar($"{_what} [{new string('#', filled)}{new string('.', BarWidth - filled)}] {Units.Percent(share)} of "
            + $"{Units.Size(_totalBytes)}, {Units.Rate(_doneBytes, elapsed)}{left}");
    }

    public void Dispose() => _screen.Bar("");
}
