using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Policies;

/// <summary>A restore point, as far as retention looks at it.</summary>
/// <param name="TakenAt">The instant whose state it holds. Copies are counted by it.</param>
/// <param name="CompletedAt">From when on it is active. The location's days are counted from it. Of one that is not complete: any.</param>
public sealed record KeptPoint(
    RestorePointId Point, RunTrigger Trigger, PointKind Kind, RestorePointState State, RuleTags Tags, Instant TakenAt, Instant CompletedAt,
    bool IsProtected = false);

/// <summary>What keeps a point.</summary>
public enum KeptBy
{
    Hourly,
    Daily,
    Weekly,
    Monthly,
    /// <summary>The full pattern: it is one of the fulls that are kept, or follows one of them.</summary>
    FullPattern,
    /// <summary>No rule does, but it is the newest of the policy's points, and without it there would be none.</summary>
    NewestOfAll,
    /// <summary>A user asked for it, so only users delete it.</summary>
    Manual,
    /// <summary>A user has protected it, so that no rule lets it go and nobody deletes it.</summary>
    Protected,
    /// <summary>Its run is not over.</summary>
    Unfinished,
    /// <summary>It is in the bin, deleted or failed: there is nothing to decide.</summary>
    NotThere,
    /// <summary>The plan has no policy, so none lets it go.</summary>
    NoPolicy,
}

/// <summary>One reason to keep a point.</summary>
/// <param name="Place">
/// Which copy it is, the newest being 1; of the full pattern, which full it is or follows. 0 where nothing is counted.
/// </param>
/// <param name="Keep">How many are kept; 0 where nothing is counted.</param>
public sealed record KeepReason(KeptBy By, int Place = 0, int Keep = 0)
{
    public string Text => By switch
    {
        KeptBy.Hourly or KeptBy.Daily or KeptBy.Weekly or KeptBy.Monthly => $"{By.ToString().ToLowerInvariant()}: copy {Place} of {Keep}",
        KeptBy.FullPattern => $"full pattern: full {Place} of {Keep}, or an incremental of it",
        KeptBy.NewestOfAll => "the newest point of the policy",
        KeptBy.Manual => "made by hand: only a user deletes it",
        KeptBy.Protected => "protected by a user",
        KeptBy.Unfinished => "its run is not over",
        KeptBy.NotThere => "deleted or failed",
        KeptBy.NoPolicy => "the plan has no policy",
        _ => throw new InvalidOperationException($"unknown reason {By}"),
    };
}

public enum DepartureReason
{
    /// <summary>Every rule has newer copies enough.</summary>
    NoRuleKeepsIt,
    /// <summary>It is older than its location allows any point to be.</summary>
    OlderThanLocationAllows,
}

/// <summary>That a point goes.</summary>
/// <param name="At">When: it is deleted once this instant has come.</param>
/// <param name="HeldBy">What it waits for, when it is not gone at once.</param>
/// <param name="Because">A line for each rule that does not keep it any more.</param>
public sealed record Departure(Instant At, DepartureReason Reason, DepartureHold HeldBy, IReadOnlyList<string> Because);

/// <summary>Why a point that goes is still there.</summary>
public enum DepartureHold
{
    Nothing,
    /// <summary>The policy has just changed, and its change does not apply yet.</summary>
    PolicyChange,
    /// <summary>It is younger than its location lets points be deleted.</summary>
    LocationLock,
    /// <summary>A rule keeps it, or a user made it, but its location deletes it when its days are over.</summary>
    UntilTooOld,
}

/// <summary>What retention says of one point.</summary>
/// <param name="Keeps">What keeps it now; empty when nothing does.</param>
/// <param name="Departure">When and why it goes, as far as that is known; a point that is kept can have one by its location's lock.</param>
public sealed record PointVerdict(KeptPoint Point, IReadOnlyList<KeepReason> Keeps, Departure? Departure)
{
    /// <summary>It is to be deleted.</summary>
    public bool IsGone(Instant now) => Departure is { } departure && departure.At <= now;
}

/// <summary>What a location's lock says of the age of its points. A day is 24 hours.</summary>
/// <param name="MinDays">Nobody deletes a younger point; null for no such bound.</param>
/// <param name="MaxDays">An older one is deleted, whoever made it; null for no such bound.</param>
public sealed record LocationDays(int? MinDays, int? MaxDays)
{
    public static LocationDays Unbounded { get; } = new(null, null);

    internal Instant? MayGoAt(KeptPoint point) => MinDays is { } days ? point.CompletedAt + Duration.FromDays(days) : null;

    internal Instant? MustGoAt(KeptPoint point) => MaxDays is { } days ? point.CompletedAt + Duration.FromDays(days) : null;
}
