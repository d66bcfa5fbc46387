using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;

namespace VBackup.Portal.Web.Pages.Plans;

/// <summary>A plan while somebody writes it.</summary>
sealed class PlanDraft
{
    public PlanDraft() { }

    public PlanDraft(PlanView plan)
    {
        (Server, Policy, Location, Note) = ($"{plan.Server.Region}/{plan.Server.Id}", plan.Policy.ToString(), plan.Location.ToString(),
            plan.Note);
        (IsChosen, IncludesLater) = (plan.Volumes is not null, plan.IncludesLater);
        Volumes = [.. plan.Volumes ?? []];
    }

    /// <summary>As <c>REGION/ID</c>.</summary>
    public string? Server { get; set; }
    public string? Policy { get; set; }
    public string? Location { get; set; }
    public string Note { get; set; } = "";

    /// <summary>Only some of the volumes.</summary>
    public bool IsChosen { get; set; }
    public HashSet<string> Volumes { get; } = [];
    public bool IncludesLater { get; set; } = true;

    public ServerRef? ServerRef => Server?.Split('/', 2) is [{ Length: > 0 } region, { Length: > 0 } id] ? new(region, id) : null;

    public NewPlanRequest ToMake() => new(new(ServerRef?.Region, ServerRef?.Id), PolicyOf(), LocationOf(), Chosen(), IncludesLater, Note);

    public PlanRequest ToChange() => new(PolicyOf(), LocationOf(), Chosen(), IsChosen ? null : true, IncludesLater, Note);

    IReadOnlyList<string>? Chosen() => IsChosen ? [.. Volumes.Order(StringComparer.Ordinal)] : null;

    PolicyId? PolicyOf() => Guid.TryParse(Policy, out var id) ? PolicyId.From(id) : null;

    LocationId? LocationOf() => Guid.TryParse(Location, out var id) ? LocationId.From(id) : null;
}
