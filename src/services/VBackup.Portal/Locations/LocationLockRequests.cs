using System.Globalization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Locations;

/// <summary>How a location is locked, by the API and in pages. Each looks for the permission that it takes.</summary>
static class LocationLockRequests
{
    /// <param name="seen">What the caller saw of it; null when he means what is there.</param>
    public static async Task<Outcome<LocationRow>> LockAsync(ApiChange change, ILocationRegistry registry, LocationId id,
        LockRequest request, Func<LocationRow, Problem?> seen)
    {
        if (Input.Present("changeDays", request.ChangeDays) is { } missing) return missing;
        var wish = new LocationChange(Lock: new(request.MinDays, request.MaxDays, request.ChangeDays!.Value));
        return await ChangeAsync(change, registry, id, wish, "lockLocation", seen).ConfigureAwait(false);
    }

    public static Task<Outcome<LocationRow>> UnlockAsync(ApiChange change, ILocationRegistry registry, LocationId id,
        Func<LocationRow, Problem?> seen) => ChangeAsync(change, registry, id, new(HasNoLock: true), "unlockLocation", seen);

    /// <summary>For who saw a lock in a page, where what the location holds may change meanwhile. Null when the lock is still so.</summary>
    public static Problem? Differs(LockView? seen, LocationRow now) => Versions.Differs(seen, LocationRoutes.LockOf(now));

    static async Task<Outcome<LocationRow>> ChangeAsync(ApiChange change, ILocationRegistry registry, LocationId id, LocationChange wish,
        string action, Func<LocationRow, Problem?> seen)
    {
        if (change.Caller.Lacks(Permission.LockLocation) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await LocationRoutes.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } location)
            return Problem.NoSuch("location");
        if (seen(location) is { } outdated) return outdated;
        var answer = await registry.ChangeAsync(project, location.Id, wish, change.Cancellation).ConfigureAwait(false);
        if (LocationRoutes.ProblemOf(answer) is { } problem) return problem;
        await HeardLocation.HearAsync(change.Change, answer.Location!, change.Cancellation).ConfigureAwait(false);
        var days = location.Lock is { } held ? $": {held.MinDays?.ToString(CultureInfo.InvariantCulture) ?? "no"} days at least, "
            + $"{held.MaxDays?.ToString(CultureInfo.InvariantCulture) ?? "no"} days at most, final at {held.FinalAt:u}" : "";
        change.Audit(action, $"location {location.Name}{days}");
        return location;
    }
}
