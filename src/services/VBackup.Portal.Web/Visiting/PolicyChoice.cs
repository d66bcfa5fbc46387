using VBackup.Portal.Api;
using VBackup.Portal.Policies;
using VBackup.Portal.Web.Parts;

namespace VBackup.Portal.Web.Visiting;

/// <summary>The policies that a list can be of.</summary>
static class PolicyChoice
{
    /// <returns>Ids, with the names; none for who may not see them.</returns>
    public static async Task<IReadOnlyList<(string, string)>> OfAsync(Visit visit)
    {
        var policies = await visit.ReadAsync<Page<PolicyView>>((db, caller) =>
            PolicyRequests.ListAsync(db, caller, Asked.Many, visit.Left));
        return policies.Problem is null ? [.. policies.Value.Items.Select(one => (one.Id.ToString(), one.Name))] : [];
    }
}
