using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Verifying;

/// <summary>What kind of object is damaged.</summary>
public enum DamageKind
{
    Pack,
    Index,
    Point,
    Session,
    KeySlot,
    Collector,
    Condemnation,
    Catalogue,
}

/// <summary>A range of a volume that cannot be restored because of a damage.</summary>
public readonly record struct AffectedExtent(string Point, string Server, string Volume, Extent Range);

/// <summary>One damaged object.</summary>
/// <param name="Affected">What of which points cannot be restored; empty when nothing needs the object, or copies serve.</param>
public sealed record VaultDamage(string ObjectName, DamageKind Kind, string Reason, IReadOnlyList<AffectedExtent> Affected)
{
    /// <summary>A pack that nobody relies on any more: the next collection removes it.</summary>
    public bool IsOutOfUse { get; init; }

    /// <summary>The point that is lost altogether because its own object is damaged; null when it is another object.</summary>
    public string? Point => Kind == DamageKind.Point ? ObjectName[ObjectNames.Points.Length..] : null;
}

/// <summary>What a verification found.</summary>
/// <param name="Complete">Whether all data was read, not only the structure.</param>
public sealed record VerifyResult(
    bool Complete, int Points, int Packs, long CheckedBytes, IReadOnlyList<VaultDamage> Damages)
{
    public bool IsSound => Damages.Count == 0;

    /// <summary>Why no session protected it: the store may only be read. What others collected meanwhile shows as damage then.</summary>
    public string? Refusal { get; init; }

    /// <summary>No point needs what is damaged, and nobody relies on it: the next collection removes it.</summary>
    public bool IsGarbage => Damages.All(damage => damage is { IsOutOfUse: true, Affected.Count: 0 });
}
