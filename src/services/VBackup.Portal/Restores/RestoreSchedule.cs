using System.Globalization;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Declarations;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Restores;

/// <summary>What is restored, and to what.</summary>
/// <param name="Point">This one; null for the newest that there is then.</param>
/// <param name="NewName">Of what is new; of a repeated restore, the beginning of the name.</param>
public sealed record RestoreWish(RestorePointId? Point, RestoreTarget Target, string? NewName, string? Volume, bool StopsServer);

/// <summary>
/// A restore that starts by itself: once, of a point; or by a calendar, of its server's newest point to something new, to see that it can
/// be restored. What the former ones made stays: whoever wants it gone deletes it.
/// </summary>
public sealed class RestoreSchedule
{
    /// <summary>What <see cref="NameAt"/> puts behind the name.</summary>
    public const int SuffixLength = 14;

    /// <summary>What was due longer ago does not overwrite a server any more, which has gone on meanwhile.</summary>
    public static readonly TimeSpan LatenessInPlaceMax = TimeSpan.FromHours(1);

    RestoreSchedule() { }

    RestoreSchedule(RestoreScheduleId id, ProjectId project, string name, ServerRef server, string serverName, RestoreWish wish)
    {
        (Id, Project, Name, Region, ServerId, ServerName) = (id, project, name, server.Region, server.Id, serverName);
        (Point, Target, NewName, Volume, StopsServer) = wish;
        (IsEnabled, Version) = (true, 1);
    }

    public static RestoreSchedule Once(
        RestoreScheduleId id, ProjectId project, string name, ServerRef server, string serverName, RestoreWish wish, DateTimeOffset at) =>
        new(id, project, name, server, serverName, wish) { At = at, NextAt = at };

    public static RestoreSchedule Repeated(RestoreScheduleId id, ProjectId project, string name, ServerRef server, string serverName,
        RestoreWish wish,
        RestoreCalendar calendar, DateTimeOffset now)
    {
        var schedule = new RestoreSchedule(id, project, name, server, serverName, wish) { Calendar = calendar };
        schedule.NextAt = schedule.NextBehind(now);
        return schedule;
    }

    /// <summary>As it was declared in a system that was lost, and disabled: two systems must not restore to one server.</summary>
    public static RestoreSchedule Recovered(DeclaredRestoreSchedule saved, ProjectId project, DateTimeOffset now)
    {
        var schedule = new RestoreSchedule(saved.Schedule, project, saved.Name, saved.Server, saved.ServerName, saved.Wish)
        { At = saved.At, Calendar = saved.Calendar, IsEnabled = false };
        schedule.NextAt = saved.Calendar is null ? saved.At : schedule.NextBehind(now);
        return schedule;
    }

    public RestoreScheduleId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public string Name { get; private set; } = "";
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";
    public RestorePointId? Point { get; private set; }
    public RestoreTarget Target { get; private set; }
    public string? NewName { get; private set; }
    public string? Volume { get; private set; }
    public bool StopsServer { get; private set; }

    /// <summary>Null for one that is repeated.</summary>
    public DateTimeOffset? At { get; private set; }

    /// <summary>Null for one that starts once.</summary>
    public RestoreCalendar? Calendar { get; private set; }
    public bool IsEnabled { get; private set; }

    /// <summary>When it is due; null when it never is any more.</summary>
    public DateTimeOffset? NextAt { get; private set; }

    /// <summary>The last instant at which it was due, and what came of it, one of the two.</summary>
    public DateTimeOffset? LastDueAt { get; private set; }
    public RunId? LastRun { get; private set; }
    public string? LastSkipped { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    /// <summary>What it restores, as it was asked for.</summary>
    public RestoreWish Wish => new(Point, Target, NewName, Volume, StopsServer);

    /// <summary>It was to start once, and will not any more.</summary>
    public bool IsOver => Calendar is null && NextAt is null;

    public bool IsDue(DateTimeOffset now) => IsEnabled && NextAt <= now;

    public void Enable(DateTimeOffset now)
    {
        if (IsEnabled) return;
        IsEnabled = true;
        // What was due meanwhile is not made up for; one that was to start once, and has not, is over.
        NextAt = Calendar is not null ? NextBehind(now) : NextAt > now ? NextAt : null;
        Version++;
    }

    public void Disable()
    {
        if (!IsEnabled) return;
        IsEnabled = false;
        Version++;
    }

    /// <summary>The latest instant at which it was due, of several behind a downtime; the others are not made up for.
    /// REQUIRES: it is due.</summary>
    /// <returns>Null when its calendar names none any more: the rules of its zone have changed since it was looked up.</returns>
    public DateTimeOffset? TakesDue(DateTimeOffset now)
    {
        var due = Calendar is { } calendar ? LatestOf(calendar, NextAt!.Value, now) : NextAt;
        (LastDueAt, NextAt) = (due ?? LastDueAt, Calendar is null ? null : NextBehind(now));
        Version++;
        return due;
    }

    static DateTimeOffset? LatestOf(RestoreCalendar calendar, DateTimeOffset from, DateTimeOffset now)
    {
        var named = PolicyCalendar.Occurrences(calendar.Rules, Instant.FromDateTimeOffset(from),
            Instant.FromDateTimeOffset(now).PlusNanoseconds(1)).ToList();
        return named.Count == 0 ? null : named[^1].At.ToDateTimeOffset();
    }

    public void Started(RunId run) => (LastRun, LastSkipped) = (run, null);

    /// <summary>The run before stays known: it may be the one that goes on.</summary>
    public void WasSkipped(string reason) => LastSkipped = reason;

    /// <summary>Each restore to new makes something with a name of its own; UTC names no minute twice.</summary>
    public string? NameAt(DateTimeOffset due) => NewName is null || Calendar is null ? NewName
        : $"{NewName}-{due.UtcDateTime.ToString("yyyyMMdd-HHmm", CultureInfo.InvariantCulture)}";

    DateTimeOffset NextBehind(DateTimeOffset now) =>
        PolicyCalendar.Next(Calendar!.Rules, Instant.FromDateTimeOffset(now)).At.ToDateTimeOffset();
}
