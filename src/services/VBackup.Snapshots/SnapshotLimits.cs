using VBackup.Contracts.Limits;

namespace VBackup.Snapshots;

/// <summary>What the vSnapshot service of a region keeps to.</summary>
public sealed record SnapshotLimits
{
    public SnapshotCaps Caps { get; init; } = new();

    /// <summary>Steps that are done at once, each of another server.</summary>
    public int StepsAtOnce { get; init; } = 4;

    /// <summary>Of those: they may take hours, and backups must not wait for them.</summary>
    public int RollBacksAtOnce => Math.Max(1, StepsAtOnce / 2);

    /// <summary>What the storage has is compared with what is known that often.</summary>
    public TimeSpan SurveyEvery { get; init; } = TimeSpan.FromHours(1);

    /// <summary>What nobody knows of, or nobody needs, is let be for so long.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromDays(1);

    /// <summary>What nobody knows of was seen by so many surveys before it goes: a clock that jumps makes no grace.</summary>
    public int SightingsMin { get; init; } = 3;

    /// <summary>A safety snapshot before a roll back is kept for so long.</summary>
    public TimeSpan SafetyKept { get; init; } = TimeSpan.FromDays(7);
}
