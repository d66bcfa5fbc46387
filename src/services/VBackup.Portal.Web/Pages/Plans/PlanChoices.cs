using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Api;
using VBackup.Portal.Locations;
using VBackup.Portal.Policies;
using VBackup.Portal.Servers;
using VBackup.Portal.Web.Parts;
using VBackup.Portal.Web.Visiting;

namespace VBackup.Portal.Web.Pages.Plans;

/// <summary>What a plan can be made of. What the visitor may not see is not among it.</summary>
sealed record PlanChoices(IReadOnlyList<ServerDetails> Servers, IReadOnlyList<PolicyView> Policies, IReadOnlyList<LocationView> Locations)
{
    public static PlanChoices None { get; } = new([], [], []);

    public static async Task<PlanChoices> OfAsync(Visit visit)
    {
        var servers = await visit.ReadAsync<Page<ServerDetails>>((db, caller) =>
            ServerRequests.ListAsync(db, caller, Asked.Many, visit.Left));
        var policies = await visit.ReadAsync<Page<PolicyView>>((db, caller) =>
            PolicyRequests.ListAsync(db, caller, Asked.Many, visit.Left));
        var locations = await visit.ReadAsync<Page<LocationView>>((db, caller) =>
            LocationRoutes.ListAsync(db, caller, Asked.Many, visit.Left));
        return new(Items(servers), Items(policies), Items(locations));
    }

    public ServerDetails? Server(ServerRef server) => Servers.FirstOrDefault(one => one.Region == server.Region && one.Id == server.Id);

    public string PolicyName(PolicyId id) => Policies.FirstOrDefault(one => one.Id == id)?.Name ?? id.ToString();

    public string LocationName(LocationId id) => Locations.FirstOrDefault(one => one.Id == id)?.Name ?? id.ToString();

    static IReadOnlyList<T> Items<T>(Outcome<Page<T>> read) => read.Problem is null ? read.Value.Items : [];
}
