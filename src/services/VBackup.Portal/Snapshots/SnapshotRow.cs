using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Snapshots;

/// <summary>A snapshot as its region's vSnapshot service told of it last.</summary>
public sealed class SnapshotRow
{
    SnapshotRow() { }

    public SnapshotRow(SnapshotId id) => Id = id;

    /// <summary>One that a user asked for, and that its region's service has not spoken of yet: it has its name from now on.</summary>
    public static SnapshotRow Asked(
        SnapshotId id, ProjectId project, ServerRef server, string name, IReadOnlyList<DiskView> disks, DateTimeOffset? keptUntil) =>
            new(id)
    {
        Disks = disks, Project = project, Region = server.Region, ServerId = server.Id, Name = name, Purpose = SnapshotPurpose.Manual,
        State = SnapshotState.Taking, KeptUntil = keptUntil,
    };

    public SnapshotId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string Name { get; private set; } = "";
    public SnapshotPurpose Purpose { get; private set; }
    public SnapshotState State { get; private set; }
    public IReadOnlyList<DiskView> Disks { get; private set; } = [];
    public DateTimeOffset? TakenAt { get; private set; }
    public DateTimeOffset? KeptUntil { get; private set; }
    public string? Error { get; private set; }
    public bool IsRollingBack { get; private set; }

    /// <summary>When the roll back was asked for that goes on; null when none does, or nobody asked for it here.</summary>
    public DateTimeOffset? RollBackAskedAt { get; private set; }

    /// <summary>Whether its region's service has spoken since.</summary>
    public bool IsRollBackHeard { get; private set; }

    /// <summary>What the storage calls it.</summary>
    public string? Instant { get; private set; }
    public DateTimeOffset? RolledBackAt { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    /// <summary>A user has asked for it. Its region's service answers also when it does not do it, as long as it knows the
    /// snapshot.</summary>
    public void IsToBeRolledBack(DateTimeOffset now) =>
        (IsRollingBack, RollBackAskedAt, IsRollBackHeard, Error) = (true, now, false, null);

    /// <summary>Nobody answered. What the service says of it after all is still heard.</summary>
    public void WasNeverRolledBack(string reason) => (IsRollingBack, RollBackAskedAt, Error) = (false, null, reason);

    /// <inheritdoc cref="Runs.RunRow.Changes"/>
    public bool Changes(SnapshotChanged now)
    {
        if (now.Version <= Version) return false;
        (Version, Project, Region, ServerId) = (now.Version, now.Project, now.Server.Region, now.Server.Id);
        (Name, Purpose, State) = (now.SnapshotName, now.Purpose, now.State);
        // Until it is taken, or when it never was, those that were asked for are all that is known.
        if (now.Disks.Count > 0) Disks = now.Disks;
        (IsRollingBack, RolledBackAt, Instant) = (now.IsRollingBack, now.RolledBackAt, now.Instant);
        (RollBackAskedAt, IsRollBackHeard) = (IsRollingBack ? RollBackAskedAt : null, true);
        (TakenAt, KeptUntil, Error) = (now.TakenAt, now.KeptUntil, now.Error);
        return true;
    }
}
