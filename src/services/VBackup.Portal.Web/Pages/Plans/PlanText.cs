using VBackup.Portal.Plans;

namespace VBackup.Portal.Web.Pages.Plans;

/// <summary>A plan, for people.</summary>
static class PlanText
{
    public static string Volumes(PlanView plan) => plan.Volumes is null ? "All"
        : string.Join(", ", plan.Volumes) + (plan.IncludesLater ? ", and later ones" : "");
}
