using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Points;

/// <summary>A restore point as the vBackup service told of it last.</summary>
public sealed class PointRow
{
    PointRow() { }

    public PointRow(RestorePointId id) => Id = id;

    public RestorePointId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public PlanId? Plan { get; private set; }
    public RunId Run { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";
    public LocationId Location { get; private set; }
    public RestorePointState State { get; private set; }
    public PointKind Kind { get; private set; }
    public RunTrigger Trigger { get; private set; }
    public IReadOnlyList<string> Tags { get; private set; } = [];
    public DateTimeOffset DueAt { get; private set; }
    public DateTimeOffset? TakenAt { get; private set; }
    public DateTimeOffset? CompletedAt { get; private set; }
    public string? Consistency { get; private set; }
    public string? InstantKind { get; private set; }
    public double? SkewSeconds { get; private set; }
    public PointConfiguration? Configuration { get; private set; }
    public bool IsDistrusted { get; private set; }
    public IReadOnlyList<VolumePointView> Volumes { get; private set; } = [];
    public DateTimeOffset? DeletedAt { get; private set; }
    public DateTimeOffset? PurgeAt { get; private set; }
    public bool IsProtected { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    /// <summary>From now on, and not only when the vBackup service tells so: no rule is to delete it meanwhile.</summary>
    public void IsToBeProtected(bool isProtected) => IsProtected = isProtected;

    /// <summary>A user has asked for it, and the vBackup service tells later what came of it. Until then it is not protected any more:
    /// it would be told to be kept, and go.</summary>
    public bool IsBeingDeleted => State == RestorePointState.Active && DeletedAt is not null;

    public void IsToBeDeleted(DateTimeOffset now) => DeletedAt = now;

    /// <inheritdoc cref="Runs.RunRow.Changes"/>
    public bool Changes(PointChanged now)
    {
        if (now.Version <= Version) return false;
        (Version, Project, Plan, Run) = (now.Version, now.Project, now.Plan, now.Run);
        (Region, ServerId, ServerName, Location) = (now.Server.Region, now.Server.Id, now.ServerName, now.Location);
        (State, Kind, Trigger, Tags) = (now.State, now.Kind, now.Trigger, now.Tags);
        (DueAt, TakenAt, CompletedAt, Consistency) = (now.DueAt, now.TakenAt, now.CompletedAt, now.Consistency);
        (IsDistrusted, Volumes, DeletedAt, PurgeAt) = (now.IsDistrusted, now.Volumes, now.DeletedAt, now.PurgeAt);
        (IsProtected, InstantKind, SkewSeconds, Configuration) = (now.IsProtected, now.InstantKind, now.SkewSeconds, now.Configuration);
        return true;
    }
}
