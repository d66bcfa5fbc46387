using VBackup.Portal.Api;
using VBackup.Portal.Servers;
using VBackup.Portal.Web.Parts;

namespace VBackup.Portal.Web.Visiting;

/// <summary>The servers that a list can be of.</summary>
static class ServerChoice
{
    /// <returns>As <c>REGION/ID</c>, with the name; none for who may not see them.</returns>
    public static async Task<IReadOnlyList<(string, string)>> OfAsync(Visit visit)
    {
        var servers = await visit.ReadAsync<Page<ServerDetails>>((db, caller) =>
            ServerRequests.ListAsync(db, caller, Asked.Many, visit.Left));
        return servers.Problem is null ? [.. servers.Value.Items.Select(one => ($"{one.Region}/{one.Id}", one.Name))] : [];
    }
}
