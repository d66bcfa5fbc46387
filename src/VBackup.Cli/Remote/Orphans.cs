using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Snapshots on the storage that nobody knows of, and the surveys that find them.</summary>
static class Orphans
{
    static readonly Argument<string> s_region = new("REGION") { Description = "Where the project has servers." };
    static readonly Option<string> s_ofRegion = new("--region") { HelpName = "REGION", Description = "Only those of this region." };

    public static Command DefineList() => PortalCall.Define("orphans",
        "List snapshots on the storage that nobody knows of, as the last survey found them.", ListAsync, s_ofRegion);

    public static Command DefineSurvey() => PortalCall.Define("survey", "Have a region's storage compared with what is known, now.",
        SurveyAsync, s_region);

    static async Task ListAsync(PortalCall call)
    {
        var query = call.Get(s_ofRegion) is { } region ? $"?region={Uri.EscapeDataString(region)}" : "";
        var table = new TextTable("SNAPSHOT", "SERVER", "VOLUMES", "TAKEN", "FIRST SEEN", "OURS", "GOES");
        await foreach (var orphan in call.Portal.ListAsync($"snapshots/orphans{query}", RemoteJson.Default.OrphanView, call.Stop)
            .ConfigureAwait(false))
        {
            call.Screen.Event("orphan", orphan.Json);
            var one = orphan.Value;
            table.Add(one.Instant, $"{one.Server.Region}/{one.ServerName}", string.Join(", ", one.Volumes), LocalTime.Text(one.TakenAt),
                LocalTime.Text(one.FirstSeenAt), one.IsOurs ? "yes" : "no",
                one.Error is { } error ? $"cannot be removed: {error}" : one.RemovedAfter is { } goes ? LocalTime.Text(goes)
                    : "never by itself");
        }
        call.Show(table, "snapshots that nobody knows of");
    }

    static async Task SurveyAsync(PortalCall call)
    {
        var region = call.Get(s_region);
        var told = await call.Portal.SendAsync("snapshots/surveys", new(region), RemoteJson.Default.SurveyBody,
            RemoteJson.Default.SurveyBody, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", told.Json);
        call.Screen.Line($"the storage of region {region} is being looked through; 'vbackup snapshot orphans' shows what is found");
    }
}
