using Microsoft.EntityFrameworkCore;
using NodaTime;
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
        var points = await db.Points.Where(point => point.Region == plan.Region && point.ServerId == plan.ServerId && point.Project == plan.Project
                && (point.State == RestorePointState.Active || point.State == RestorePointState.Creating))
            .ToListAsync(cancellation).ConfigureAwait(false);
        var changedAt = Instant.FromDateTimeOffset(plan.PolicyChangedAt);
        return [.. points.GroupBy(point => point.Location).SelectMany(place =>
            Retention.Decide(rules, changedAt, LocationDays.Unbounded, [.. place.Select(Kept)], now))];
    }

    /// <summary>Of a point whose server has no plan, or about which there is nothing to decide.</summary>
    public static PointVerdict DecideWithoutPlan(PointRow point, Instant now) =>
        Retention.Decide(null, now, LocationDays.Unbounded, [Kept(point)], now)[0];

    static KeptPoint Kept(PointRow point) => new(point.Id, point.Trigger, point.Kind, point.State, RuleTagNames.Parse(point.Tags),
        Instant.FromDateTimeOffset(point.TakenAt ?? point.DueAt), Instant.FromDateTimeOffset(point.CompletedAt ?? point.DueAt));
}
