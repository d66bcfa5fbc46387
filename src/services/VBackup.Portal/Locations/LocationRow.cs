using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Locations;

/// <summary>A location as the vBackup service told of it last. What opens it stays there.</summary>
public sealed class LocationRow
{
    LocationRow() { }

    public LocationRow(LocationId id) => Id = id;

    public LocationId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public string Region { get; private set; } = "";
    public string Name { get; private set; } = "";
    public LocationKindView Kind { get; private set; }
    public string Address { get; private set; } = "";
    public string? Endpoint { get; private set; }
    public LocationStateView State { get; private set; }

    /// <summary>What it lacks.</summary>
    public string? Refusal { get; private set; }
    public bool IsDefault { get; private set; }
    public bool IsDeleted { get; private set; }
    public long? QuotaBytes { get; private set; }
    public long UsedBytes { get; private set; }
    public int SoftDeleteDays { get; private set; }
    public DateTimeOffset? VerifiedAt { get; private set; }

    /// <summary>What the last verification found damaged; null when all was well.</summary>
    public string? Finding { get; private set; }

    /// <summary>Its store can hold points against everybody.</summary>
    public bool CanHoldPoints { get; private set; }

    public int? LockMinDays { get; private set; }
    public int? LockMaxDays { get; private set; }

    /// <summary>From when on nobody changes its lock; null when it has none.</summary>
    public DateTimeOffset? LockFinalAt { get; private set; }

    public bool IsLockEnforcedByStore { get; private set; }

    public LocationLock? Lock =>
        LockFinalAt is { } finalAt ? new(LockMinDays, LockMaxDays, finalAt, IsLockEnforcedByStore) : null;

    /// <inheritdoc cref="Runs.RunRow.Changes"/>
    public bool Changes(LocationChanged now)
    {
        if (now.Version <= Version) return false;
        (Version, Project, Region, Name, Kind) = (now.Version, now.Project, now.Region, now.LocationName, now.Kind);
        (Address, Endpoint, State, Refusal) = (now.Address, now.Endpoint, now.State, now.Refusal);
        (IsDefault, IsDeleted, QuotaBytes, UsedBytes, SoftDeleteDays) = (now.IsDefault, now.IsDeleted, now.QuotaBytes, now.UsedBytes,
            now.SoftDeleteDays);
        (VerifiedAt, Finding) = (now.VerifiedAt, now.Finding);
        (LockMinDays, LockMaxDays, LockFinalAt) = (now.Lock?.MinDays, now.Lock?.MaxDays, now.Lock?.FinalAt);
        (IsLockEnforcedByStore, CanHoldPoints) = (now.Lock?.IsEnforcedByStore ?? false, now.CanHoldPoints);
        return true;
    }
}
