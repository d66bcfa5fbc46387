using NodaTime;
using VBackup.Contracts.Messages;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Tests.Policies;

/// <summary>
/// Retention told a second time, slowly and in another way: lists of copies are made for each rule, and the pattern is told by groups, each
/// a full with the incrementals that follow it.
/// </summary>
static class SlowRetention
{
    public static HashSet<KeptPoint> KeptByRules(PolicyRules rules, IEnumerable<KeptPoint> points)
    {
        var copies = points.Where(point => point.Trigger == RunTrigger.Policy && point.State == RestorePointState.Active)
            .OrderBy(point => point.TakenAt).ToList();
        HashSet<KeptPoint> kept =
        [
            .. Copies(RuleTags.Hourly, rules.Hourly?.Keep), .. Copies(RuleTags.Daily, rules.Daily?.Keep),
            .. Copies(RuleTags.Weekly, rules.Weekly?.Keep), .. Copies(RuleTags.Monthly, rules.Monthly?.Keep),
        ];
        if (rules.FullPattern?.KeepFulls is { } fulls)
        {
            List<List<KeptPoint>> groups = [[]];
            foreach (var point in copies)
            {
                if (point.Kind == PointKind.Full) groups.Add([]);
                groups[^1].Add(point);
            }
            kept.UnionWith(groups.TakeLast(fulls).SelectMany(group => group));
        }
        return kept;

        IEnumerable<KeptPoint> Copies(RuleTags tag, int? keep) => copies.Where(point => (point.Tags & tag) == tag).TakeLast(keep ?? 0);
    }
}
