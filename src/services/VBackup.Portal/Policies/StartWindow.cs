using NodaTime;

namespace VBackup.Portal.Policies;

/// <summary>When a run that is due may start, and when it must have stopped.</summary>
/// <param name="ClosesAt">From this instant on it may not start any more; null for no end.</param>
/// <param name="StopBy">Null when it may take as long as it needs.</param>
public readonly record struct StartWindow(Instant OpensAt, Instant? ClosesAt, Instant? StopBy)
{
    /// <summary>The window that holds <paramref name="dueAt"/>, or else the next one: what is due outside of it waits.</summary>
    internal static StartWindow For(PolicyRules rules, Instant dueAt)
    {
        if (rules.Window is not { } window) return new(dueAt, null, null);
        var zone = PolicyCalendar.ZoneOf(rules);
        // A window that spans midnight may have opened the day before.
        for (var day = dueAt.InZone(zone).Date.PlusDays(-1); ; day = day.PlusDays(1))
        {
            var lastDay = window.LatestStart < window.EarliestStart ? day.PlusDays(1) : day;
            var closesAt = PolicyCalendar.InstantOf(lastDay + window.LatestStart, zone) + Duration.FromMinutes(1);
            if (closesAt <= dueAt) continue;

            var opensAt = Instant.Max(dueAt, PolicyCalendar.InstantOf(day + window.EarliestStart, zone));
            if (window.StopBy is not { } stopTime) return new(opensAt, closesAt, null);
            var stopDay = stopTime < window.LatestStart ? lastDay.PlusDays(1) : lastDay;
            // A gap can bring it before the last minute in which a run may start.
            return new(opensAt, closesAt, Instant.Max(closesAt, PolicyCalendar.InstantOf(stopDay + stopTime, zone)));
        }
    }
}
