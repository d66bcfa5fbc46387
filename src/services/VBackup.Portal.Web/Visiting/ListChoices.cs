using VBackup.Portal.Api;
using VBackup.Portal.Policies;
using VBackup.Portal.Servers;
using VBackup.Portal.Web.Parts;

namespace VBackup.Portal.Web.Visiting;

/// <summary>What a list can be of, with the names; nothing for who may not see it.</summary>
static class ListChoices
{
    /// <returns>As <c>REGION/ID</c>.</returns>
    public static async Task<IReadOnlyList<(string, string)>> ServersAsync(Visit visit) => Named(
        await visit.ReadAsync<Page<ServerDetails>>((db, caller) => ServerRequests.ListAsync(db, caller, Asked.Many, visit.Left)),
        one => ($"{one.Region}/{one.Id}", one.Name));

    public static async Task<IReadOnlyList<(string, string)>> PoliciesAsync(Visit visit) => Named(
        await visit.ReadAsync<Page<PolicyView>>((db, caller) => PolicyRequests.ListAsync(db, caller, Asked.Many, visit.Left)),
        one => (one.Id.ToString(), one.Name));

    static IReadOnlyList<(string, string)> Named<T>(Outcome<Page<T>> read, Func<T, (string, string)> name) =>
        read.Problem is null ? [.. read.Value.Items.Select(name)] : [];
}
