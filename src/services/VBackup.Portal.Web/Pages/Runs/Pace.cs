namespace VBackup.Portal.Web.Pages.Runs;

/// <summary>How fast a run goes, by what was seen of it within the last half minute.</summary>
public sealed class Pace
{
    static readonly TimeSpan s_looksBack = TimeSpan.FromSeconds(30);
    readonly Queue<(DateTimeOffset At, long Done)> _seen = [];

    /// <summary>Null until it was seen to move.</summary>
    public double? BytesPerSecond { get; private set; }

    /// <summary>Null as long as nobody can say.</summary>
    public TimeSpan? Left { get; private set; }

    public void Note(DateTimeOffset at, long doneBytes, long totalBytes)
    {
        _seen.Enqueue((at, doneBytes));
        // One that is older stays: without it a run that tells seldom of itself would have no pace.
        while (_seen.Count > 2 && at - _seen.Peek().At > s_looksBack) _seen.Dequeue();
        var (from, before) = _seen.Peek();
        BytesPerSecond = at > from && doneBytes > before ? (doneBytes - before) / (at - from).TotalSeconds : null;
        Left = BytesPerSecond is { } rate && totalBytes > doneBytes ? TimeSpan.FromSeconds((totalBytes - doneBytes) / rate) : null;
    }
}
