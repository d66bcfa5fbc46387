using System.Text.Json.Serialization;
using VBackup.Primitives;

namespace VBackup.Contracts.Ids;

/// <summary>A tenant.</summary>
[JsonConverter(typeof(UniqueIdConverter<ProjectId>))]
public readonly record struct ProjectId(Guid Value) : IUniqueId<ProjectId>
{
    public static ProjectId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>The protection of one server.</summary>
[JsonConverter(typeof(UniqueIdConverter<PlanId>))]
public readonly record struct PlanId(Guid Value) : IUniqueId<PlanId>
{
    public static PlanId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A schedule with its retention.</summary>
[JsonConverter(typeof(UniqueIdConverter<PolicyId>))]
public readonly record struct PolicyId(Guid Value) : IUniqueId<PolicyId>
{
    public static PolicyId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>One execution of a backup or a restore.</summary>
[JsonConverter(typeof(UniqueIdConverter<RunId>))]
public readonly record struct RunId(Guid Value) : IUniqueId<RunId>
{
    public static RunId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>The restorable state of a server at one instant. The vault's own name of it is another: see <see cref="PointId"/>.</summary>
[JsonConverter(typeof(UniqueIdConverter<RestorePointId>))]
public readonly record struct RestorePointId(Guid Value) : IUniqueId<RestorePointId>
{
    public static RestorePointId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>Where restore points are kept.</summary>
[JsonConverter(typeof(UniqueIdConverter<LocationId>))]
public readonly record struct LocationId(Guid Value) : IUniqueId<LocationId>
{
    public static LocationId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A snapshot on the source storage.</summary>
[JsonConverter(typeof(UniqueIdConverter<SnapshotId>))]
public readonly record struct SnapshotId(Guid Value) : IUniqueId<SnapshotId>
{
    public static SnapshotId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A piece of a run's work, which one worker has at a time.</summary>
[JsonConverter(typeof(UniqueIdConverter<WorkTaskId>))]
public readonly record struct WorkTaskId(Guid Value) : IUniqueId<WorkTaskId>
{
    public static WorkTaskId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A Backup Worker, from its enrolment on.</summary>
[JsonConverter(typeof(UniqueIdConverter<WorkerId>))]
public readonly record struct WorkerId(Guid Value) : IUniqueId<WorkerId>
{
    public static WorkerId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>Somebody who signs in.</summary>
[JsonConverter(typeof(UniqueIdConverter<UserId>))]
public readonly record struct UserId(Guid Value) : IUniqueId<UserId>
{
    public static UserId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A message between the APIs: delivered at least once, done once.</summary>
[JsonConverter(typeof(UniqueIdConverter<MessageId>))]
public readonly record struct MessageId(Guid Value) : IUniqueId<MessageId>
{
    public static MessageId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}
