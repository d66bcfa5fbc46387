using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup location</c></summary>
static class Locations
{
    static readonly Argument<string?> s_location =
        new("LOCATION") { Description = "A location's name or id; all, when it is not said.", Arity = ArgumentArity.ZeroOrOne };

    public static Command Define() => new("location", "Say where points are kept.")
    {
        NewLocation.Define(),
        PortalCall.Define("list", "List the project's locations.", ListAsync),
        LocationCredentials.Define(),
        LocationLocks.DefineLock(),
        LocationLocks.DefineUnlock(),
        PortalCall.Define("usage", "Show how much locations hold, and of how much.", UsageAsync, s_location),
    };

    static async Task ListAsync(PortalCall call)
    {
        var table = new TextTable("LOCATION", "REGION", "KIND", "ADDRESS", "STATE", "LOCK", "DEFAULT", ">BIN");
        await foreach (var location in call.Portal.ListAsync("locations", RemoteJson.Default.LocationView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("location", location.Json);
            var one = location.Value;
            table.Add(one.Name, one.Region, one.Kind, one.Endpoint is { } endpoint ? $"{one.Address} at {endpoint}" : one.Address,
                one.Refusal is { } lack ? $"{one.State}: {lack}" : one.State, LocationLocks.Text(one.Lock),
                one.IsDefault ? "yes" : "no",
                one.SoftDeleteDays == 0 ? "none" : Units.Count(one.SoftDeleteDays, "day"));
        }
        call.Show(table, "locations");
    }

    static async Task UsageAsync(PortalCall call)
    {
        var table = new TextTable("LOCATION", ">USED", ">QUOTA", ">SHARE", "VERIFIED", "FOUND");
        if (call.Parsed.GetValue(s_location) is { } text) Add(await Choice.LocationAsync(call, text).ConfigureAwait(false));
        else
            await foreach (var location in call.Portal.ListAsync("locations", RemoteJson.Default.LocationView, call.Stop)
                .ConfigureAwait(false)) Add(location);
        call.Show(table, "locations");

        void Add(Told<LocationView> location)
        {
            call.Screen.Event("location", location.Json);
            var one = location.Value;
            table.Add(one.Name, Units.Size(one.UsedBytes), one.QuotaBytes is { } quota ? Units.Size(quota) : "none",
                one.QuotaBytes is > 0 and var of ? Units.Percent((double)one.UsedBytes / of) : "-", LocalTime.TextOrDash(one.VerifiedAt),
                FoundIn(one));
        }
    }

    // What nobody has looked at is not said to be whole.
    static string FoundIn(LocationView location) => location switch
    {
        { Refusal: { } lack } => $"{location.State}: {lack}",
        { Finding: { } finding } => finding,
        { State: "checking" } => "being tried",
        { UsedBytes: 0 } => "empty",
        { VerifiedAt: null } => "never verified",
        _ => "nothing damaged",
    };
}
