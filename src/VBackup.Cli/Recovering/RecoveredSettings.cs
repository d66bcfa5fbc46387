using System.Text.Json;
using VBackup.Cli.Up;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Messages;

namespace VBackup.Cli.Recovering;

/// <summary>The settings of a system that was built again: its locations are where they are, and whoever recovers it has said so.</summary>
static class RecoveredSettings
{
    static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };

    public static void Write(DataFolder data, IReadOnlyList<RecoveryPlace> places)
    {
        var worker = new Dictionary<string, string[]>();
        string[] folders =
            [.. places.Where(place => place.Kind == LocationKindView.FileSystem).Select(place => place.Address).Distinct()];
        if (folders.Length > 0) worker["LocationRoots"] = [data.Locations, .. folders];
        var byDefault = new StoreEndpoints([StoreEndpoints.AnyHost]);
        string[] hosts = [.. places.Where(place => place.Endpoint is not null
                && byDefault.FaultOf(place.Endpoint, place.S3Region) is not null)
            .Select(place => new Uri(place.Endpoint!).Authority).Distinct()];
        if (hosts.Length > 0) worker["S3Endpoints"] = [StoreEndpoints.AnyHost, .. hosts];
        if (worker.Count == 0) return;
        File.WriteAllText(data.Settings, JsonSerializer.Serialize(
            new Dictionary<string, Dictionary<string, string[]>> { ["Worker"] = worker }, s_readable));
    }
}
