using System.Text.Json;
using NodaTime;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Points;

/// <param name="By">Such as <c>daily</c>, <c>fullPattern</c> or <c>manual</c>.</param>
/// <param name="Place">Which copy it is, the newest being 1; 0 where nothing is counted.</param>
/// <param name="Keep">How many are kept; 0 where nothing is counted.</param>
/// <param name="Text">The same, for people.</param>
public sealed record KeepView(string By, int Place, int Keep, string Text);

/// <param name="HeldBy">Why it is still there: <c>nothing</c>, <c>policyChange</c>, <c>locationLock</c> or <c>untilTooOld</c>.</param>
/// <param name="Because">A line for each rule that does not keep it any more.</param>
public sealed record DepartureView(DateTimeOffset At, string Reason, string HeldBy, IReadOnlyList<string> Because);

/// <summary>Why a point is there, or when and why it goes.</summary>
/// <param name="Keeps">What keeps it now; empty when nothing does.</param>
/// <param name="Goes">As far as that is known.</param>
/// <param name="PurgeAt">When it leaves the bin for good; null when it is not there.</param>
/// <param name="LockedUntil">By its location's lock nobody deletes it before; null when somebody may.</param>
public sealed record PointExplanation(
    RestorePointId Point, IReadOnlyList<KeepView> Keeps, DepartureView? Goes, DateTimeOffset? PurgeAt, DateTimeOffset? LockedUntil)
{
    internal static async Task<PointExplanation> OfAsync(PortalDb db, PointRow point, DateTimeOffset now, CancellationToken cancellation)
    {
        var verdict = await VerdictAsync(db, point, Instant.FromDateTimeOffset(now), cancellation).ConfigureAwait(false);
        var goes = verdict.Departure is { } departure
            ? new DepartureView(departure.At.ToDateTimeOffset(), Name(departure.Reason), Name(departure.HeldBy), departure.Because) : null;
        // What is not there any more is not kept: its state says so.
        return new(point.Id, [.. verdict.Keeps.Where(reason => reason.By != KeptBy.NotThere).Select(reason =>
                new KeepView(Name(reason.By), reason.Place, reason.Keep, reason.Text))],
            goes, point.State == RestorePointState.SoftDeleted ? point.PurgeAt : null,
            await PointRetention.HeldUntilAsync(db, point, now, cancellation).ConfigureAwait(false));
    }

    static async Task<PointVerdict> VerdictAsync(PortalDb db, PointRow point, Instant now, CancellationToken cancellation)
    {
        var plan = await db.Plans.FirstOrDefaultAsync(
            one => one.Project == point.Project && one.Region == point.Region && one.ServerId == point.ServerId, cancellation)
                .ConfigureAwait(false);
        // A plan that was recovered lets nothing go yet.
        var verdicts = plan is null or { IsRecovered: true } ? [] : await PointRetention.DecideAsync(db, plan, now,
            cancellation).ConfigureAwait(false);
        return verdicts.FirstOrDefault(one => one.Point.Point == point.Id)
            ?? await PointRetention.DecideWithoutPlanAsync(db, point, now, cancellation).ConfigureAwait(false);
    }

    static string Name<TEnum>(TEnum value) where TEnum : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
