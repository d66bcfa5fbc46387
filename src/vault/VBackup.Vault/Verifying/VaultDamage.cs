using VBackup.Primitives;

namespace VBackup.Vault.Verifying;

/// <summary>What kind of object is damaged.</summary>
public enum DamageKind
{
    Pack,
    Index,
    Point,
    Session,
    KeySlot,
}

/// <summary>A range of a volume that cannot be restored because of a damage.</summary>
public readonly record struct AffectedExtent(string Point, string Server, string Volume, Extent Range);

/// <summary>One damaged object.</summary>
/// <param name="Affected">What of which points cannot be restored; empty when nothing needs the object, or copies serve.</param>
public sealed record VaultDamage(string ObjectName, DamageKind Kind, string Reason, IReadOnlyList<AffectedExtent> Affected);

/// <summary>What a verification found.</summary>
/// <param name="Complete">Whether all data was read, not only the structure.</param>
public sealed record VerifyResult(
    bool Complete, int Points, int Packs, long CheckedBytes, IReadOnlyList<VaultDamage> Damages)
{
    public bool IsSound => Damages.Count == 0;
}
