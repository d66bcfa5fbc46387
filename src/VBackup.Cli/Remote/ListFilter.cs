using System.CommandLine;

namespace VBackup.Cli.Remote;

/// <summary>Which things of a list are wanted.</summary>
static class ListFilter
{
    /// <returns>A query, with its '?', or nothing.</returns>
    public static async Task<string> OfAsync(PortalCall call, Option<string> server, params (string Name, string? Value)[] filters)
    {
        List<string> parts = [.. filters.Where(one => one.Value is not null).Select(one =>
            $"{one.Name}={Uri.EscapeDataString(one.Value!)}")];
        if (call.Get(server) is { } name)
        {
            var found = (await Choice.ServerAsync(call, name).ConfigureAwait(false)).Value;
            parts.Add($"server={Uri.EscapeDataString($"{found.Region}/{found.Id}")}");
        }
        return parts.Count == 0 ? "" : $"?{string.Join('&', parts)}";
    }
}
