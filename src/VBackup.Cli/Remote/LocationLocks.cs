using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup location lock</c> and <c>vbackup location unlock</c></summary>
static class LocationLocks
{
    static readonly Argument<string> s_location = new("LOCATION") { Description = "A location's name or id." };
    static readonly Option<int?> s_minDays = new("--min-days") { HelpName = "N", Description = "Nobody deletes a younger point." };
    static readonly Option<int?> s_maxDays = new("--max-days") { HelpName = "N",
        Description = "An older point is deleted, whoever made it." };
    static readonly Option<int> s_changeDays = new("--change-days")
    { HelpName = "N", Required = true, Description = "For so long the lock can still be changed or taken away; then nobody can." };

    public static Command DefineLock() => PortalCall.Define("lock",
        "Lock a location, or change its lock as long as it is not final.", LockAsync, s_location, s_minDays, s_maxDays, s_changeDays);

    public static Command DefineUnlock() => PortalCall.Define("unlock",
        "Take a location's lock away, as long as it is not final.", UnlockAsync, s_location);

    static async Task LockAsync(PortalCall call)
    {
        var wish = new LockBody(call.Get(s_minDays), call.Get(s_maxDays), call.Get(s_changeDays));
        if (wish is { MinDays: null, MaxDays: null }) throw new UsageException("give --min-days, --max-days, or both");
        var found = (await Choice.LocationAsync(call, call.Get(s_location)).ConfigureAwait(false)).Value;
        var read = await call.Portal.GetAsync($"locations/{found.Id}", RemoteJson.Default.LocationView, call.Stop).ConfigureAwait(false);
        var locked = await call.Portal.ReplaceAsync($"locations/{found.Id}/lock", read.Version, wish, RemoteJson.Default.LockBody,
            RemoteJson.Default.LocationView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", locked.Json);
        call.Screen.Line($"location '{found.Name}' is locked: {Text(locked.Value.Lock)}; after that nobody changes it, or takes it away");
        if (wish.MinDays is null) return;
        call.Screen.Line(locked.Value.CanHoldPoints
            ? "from then on its bucket holds points against everybody, whoever has its credentials"
            : "its store cannot hold points: the services alone keep to it");
    }

    static async Task UnlockAsync(PortalCall call)
    {
        var found = (await Choice.LocationAsync(call, call.Get(s_location)).ConfigureAwait(false)).Value;
        var unlocked = await call.Portal.DeleteAsync($"locations/{found.Id}/lock", RemoteJson.Default.LocationView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", unlocked.Json);
        call.Screen.Line(found.Lock is null ? $"location '{found.Name}' has no lock" : $"location '{found.Name}' is not locked any more");
    }

    public static string Text(LockView? held) => held is null ? "none"
        : string.Join(", ", ((string?[])[held.MinDays is { } min ? $"at least {Units.Count(min, "day")}" : null,
            held.MaxDays is { } max ? $"at most {Units.Count(max, "day")}" : null]).OfType<string>())
                + $", final {LocalTime.Text(held.FinalAt)}" + (held.IsEnforcedByStore ? ", kept by the store too" : "");
}
