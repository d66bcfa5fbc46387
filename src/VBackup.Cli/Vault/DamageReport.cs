using VBackup.Cli.Terminal;
using VBackup.Vault.Verifying;

namespace VBackup.Cli.Vault;

/// <summary>How damage is shown: the object, its kind, and what of which points cannot be restored because of it.</summary>
static class DamageReport
{
    const int ExtentsShownMax = 20;

    public static void Show(IReadOnlyList<VaultDamage> damages, Screen screen)
    {
        foreach (var damage in damages)
        {
            screen.Event(new DamageEvent(damage.ObjectName, KindOf(damage.Kind), damage.Reason, AffectedBy(damage), damage.Point,
                damage.IsOutOfUse),
                EventJson.Default.DamageEvent);
            screen.Line($"damaged {KindOf(damage.Kind)}: {damage.ObjectName}: {damage.Reason}");
            if (damage.Point is { } lost) screen.Line($"    point {lost} is affected: all of it");
            else if (damage.Affected.Count == 0) screen.Line("    no point is affected");
            if (damage.IsOutOfUse) screen.Line("    nobody relies on it any more");
            foreach (var item in damage.Affected.Take(ExtentsShownMax))
                screen.Line($"    point {PointView.ShortId(item.Point)} ({item.Server}), volume {item.Volume}: "
                    + $"{item.Range.Length} bytes at {item.Range.Offset}");
            if (damage.Affected.Count > ExtentsShownMax)
                screen.Line($"    and {damage.Affected.Count - ExtentsShownMax} more extents (--json lists all)");
        }
    }

    static IReadOnlyList<AffectedEvent> AffectedBy(VaultDamage damage) =>
        [.. damage.Affected.GroupBy(item => (item.Point, item.Volume)).Select(group => new AffectedEvent(
            group.Key.Point, group.Key.Volume, [.. group.Select(item => new ExtentEvent(item.Range.Offset, item.Range.Length))]))];

    static string KindOf(DamageKind kind) => kind switch
    {
        DamageKind.Pack => "pack",
        DamageKind.Index => "index",
        DamageKind.Point => "point",
        DamageKind.Session => "session",
        DamageKind.KeySlot => "key slot",
        DamageKind.Collector => "collector",
        DamageKind.Condemnation => "condemnation",
        DamageKind.Catalogue => "catalogue",
        _ => "object",
    };
}
