using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Points;

/// <summary>What retention says of a plan's points, each location's by themselves.</summary>
static class PointRetention
{
    public static async Task<IReadOnlyList<PointVerdict>> DecideAsync(PortalDb db, Plan plan, Instant now, CancellationToken cancellation)
    {
        var rules = await PlanClockwork.RulesOfAsync(db, plan, cancellation).ConfigureAwait(false);
        var points = await db.Points.Where(point => point.Region == plan.Region && point.ServerId == plan.ServerId
            && point.Project == plan.Project
                && (point.State == RestorePointState.Active || point.State == RestorePointState.Creating))
            .ToListAsync(cancellation).ConfigureAwait(false);
        var changedAt = Instant.FromDateTimeOffset(plan.PolicyChangedAt);
        List<PointVerdict> verdicts = [];
        foreach (var place in points.GroupBy(point => point.Location))
            verdicts.AddRange(Retention.Decide(
                rules, changedAt, await DaysOfAsync(db, place.Key, cancellation).ConfigureAwait(false), [.. place.Select(Kept)], now));
        return verdicts;
    }

    /// <summary>Of a point whose server has no plan, or about which there is nothing to decide.</summary>
    public static async Task<PointVerdict> DecideWithoutPlanAsync(PortalDb db, PointRow point, Instant now,
        CancellationToken cancellation) =>
        Retention.Decide(null, now, await DaysOfAsync(db, point.Location, cancellation).ConfigureAwait(false), [Kept(point)], now)[0];

    /// <summary>Until when its location's lock holds a point; null when it does not.</summary>
    public static async Task<DateTimeOffset?> HeldUntilAsync(PortalDb db, PointRow point, DateTimeOffset now,
        CancellationToken cancellation)
    {
        if (point.State is not (RestorePointState.Active or RestorePointState.SoftDeleted)) return null;
        var days = await DaysOfAsync(db, point.Location, cancellation).ConfigureAwait(false);
        return days.MayGoAt(Kept(point))?.ToDateTimeOffset() is { } until && until > now ? until : null;
    }

    static async Task<LocationDays> DaysOfAsync(PortalDb db, LocationId location, CancellationToken cancellation) =>
        await db.Locations.FindAsync([location], cancellation).ConfigureAwait(false) is { Lock: { } held } ? new(held.MinDays, held.MaxDays)
            : LocationDays.Unbounded;

    static KeptPoint Kept(PointRow point) => new(point.Id, point.Trigger, point.Kind, point.State, RuleTagNames.Parse(point.Tags),
        Instant.FromDateTimeOffset(point.TakenAt ?? point.DueAt), Instant.FromDateTimeOffset(point.CompletedAt ?? point.DueAt),
        point.IsProtected);
}
