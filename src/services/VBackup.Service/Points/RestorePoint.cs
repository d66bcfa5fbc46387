using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Messages;

namespace VBackup.Service.Points;

/// <summary>A restore point as the catalogue knows it. What really exists, the vault tells.</summary>
public sealed class RestorePoint
{
    RestorePoint() { }

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
    public string? VaultPoint { get; private set; }
    public bool IsDistrusted { get; private set; }
    public IReadOnlyList<VolumePointView> Volumes { get; private set; } = [];

    /// <summary>Where its volumes were kept.</summary>
    public IReadOnlyList<string> Pools { get; private set; } = [];

    /// <summary>The instant it was made of, as long as the next backup may ask what changed since.</summary>
    public SnapshotId? BaseSnapshot { get; private set; }
    public DateTimeOffset? DeletedAt { get; private set; }
    public DateTimeOffset? PurgeAt { get; private set; }

    /// <summary>Neither rules nor users delete it. A location's lock does, when it is older than that allows any point to be.</summary>
    public bool IsProtected { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    /// <summary>From when on its location's days are counted.</summary>
    public DateTimeOffset CountedFrom => CompletedAt ?? DueAt;

    public static RestorePoint Of(StartBackup order) => new()
    {
        Id = order.Point,
        Version = 1,
        Project = order.Project,
        Plan = order.Plan,
        Run = order.Run,
        Region = order.Server.Region,
        ServerId = order.Server.Id,
        ServerName = order.ServerName,
        Location = order.Location,
        Kind = order.Kind,
        Trigger = order.Trigger,
        Tags = order.Tags,
        DueAt = order.DueAt,
    };

    public void WasTaken(SnapshotTaken taken)
    {
        (TakenAt, Consistency, BaseSnapshot) = (taken.TakenAt, taken.Consistency, taken.Snapshot);
        (InstantKind, SkewSeconds) = (taken.InstantKind, taken.SkewSeconds);
        Configuration = taken.ConfigurationKind is null ? null : new(taken.ConfigurationKind, taken.Processors, taken.MemoryBytes,
            [.. (taken.Disks ?? []).Select(disk => new ConfiguredDisk(disk.Name, disk.Volume))]);
        Pools = [.. (taken.Disks ?? []).Select(disk => VolumePool.Of(disk.Volume)).Distinct()];
        Version++;
    }

    public void WasExported(PointKind kind, IReadOnlyList<VolumePointView> volumes)
    {
        (Kind, Volumes) = (kind, volumes);
        Version++;
    }

    public void IsComplete(string vaultPoint, DateTimeOffset now)
    {
        if (State != RestorePointState.Creating) throw new InvalidOperationException($"Point {Id} is {State}.");
        (State, VaultPoint, CompletedAt) = (RestorePointState.Active, vaultPoint, now);
        Version++;
    }

    public void Fails()
    {
        if (State != RestorePointState.Creating) return;
        (State, BaseSnapshot) = (RestorePointState.Failed, null);
        Version++;
    }

    public void IsInDoubt()
    {
        IsDistrusted = true;
        Version++;
    }

    public void IsNoBase()
    {
        BaseSnapshot = null;
        Version++;
    }

    public void IsToBeProtected(bool isProtected)
    {
        if (State != RestorePointState.Active) return;
        IsProtected = isProtected;
        Version++;
    }

    /// <summary>Its deletion was asked for and refused, and whoever takes it for going is to hear so.</summary>
    public void IsNotDeleted()
    {
        if (State != RestorePointState.Active) return;
        Version++;
    }

    /// <param name="binFor">How long it can be brought back; zero for not at all.</param>
    public void IsDeleted(DateTimeOffset now, TimeSpan binFor)
    {
        if (State != RestorePointState.Active) return;
        DeletedAt = now;
        (State, PurgeAt) = binFor > TimeSpan.Zero ? (RestorePointState.SoftDeleted, now + binFor) : (RestorePointState.Deleted, now);
        Version++;
    }

    /// <summary>And protected: of one that no rule keeps, the rules would be rid again at once.</summary>
    public void IsBroughtBack()
    {
        if (State != RestorePointState.SoftDeleted) return;
        (State, DeletedAt, PurgeAt, IsProtected) = (RestorePointState.Active, null, null, true);
        Version++;
    }

    /// <summary>Its days there are over, and its location's lock holds it.</summary>
    public void StaysInBin(DateTimeOffset until)
    {
        if (State != RestorePointState.SoftDeleted) return;
        PurgeAt = until;
        Version++;
    }

    public void IsPurged()
    {
        if (State != RestorePointState.SoftDeleted) return;
        State = RestorePointState.Deleted;
        Version++;
    }

    /// <summary>Nobody can read it any more.</summary>
    public void LosesItsKey()
    {
        if (State is not (RestorePointState.Active or RestorePointState.SoftDeleted)) return;
        (State, PurgeAt) = (RestorePointState.Erased, null);
        Version++;
    }

    /// <summary>One that a vault has, of a system that was lost.</summary>
    public static RestorePoint Recovered(PointChanged found) => new()
    {
        Id = found.Point,
        Version = found.Version,
        Project = found.Project,
        Plan = found.Plan,
        Run = found.Run,
        Region = found.Server.Region,
        ServerId = found.Server.Id,
        ServerName = found.ServerName,
        Location = found.Location,
        State = found.State,
        Kind = found.Kind,
        Trigger = found.Trigger,
        Tags = found.Tags,
        DueAt = found.DueAt,
        TakenAt = found.TakenAt,
        CompletedAt = found.CompletedAt,
        Consistency = found.Consistency,
        InstantKind = found.InstantKind,
        SkewSeconds = found.SkewSeconds,
        Configuration = found.Configuration,
        VaultPoint = found.VaultPoint,
        IsDistrusted = found.IsDistrusted,
        Volumes = found.Volumes,
        DeletedAt = found.DeletedAt,
        PurgeAt = found.PurgeAt,
        IsProtected = found.IsProtected,
    };

    public PointChanged View() => new(Id, Version, Project, Plan, Run, Server, ServerName, Location, State, Kind, Trigger, Tags, DueAt,
        TakenAt,
        CompletedAt, Consistency, VaultPoint, IsDistrusted, Volumes, DeletedAt, PurgeAt, IsProtected, InstantKind, SkewSeconds,
        Configuration);
}
