using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Runs;

/// <summary>A run as the vBackup service told of it last, for lists and history.</summary>
public sealed class RunRow
{
    RunRow() { }

    public RunRow(RunId id) => Id = id;

    /// <summary>One that the vBackup service has not spoken of yet, so that it can be followed from the first moment on.</summary>
    public static RunRow Asked(RunId id, RunKind kind, ProjectId project, PlanId? plan, ServerRef server, string serverName,
        LocationId? location, RestorePointId? point, RunTrigger trigger, DateTimeOffset now, RestoreTarget? restoresTo = null,
        PolicyId? policy = null) => new(id)
    {
        Kind = kind, Project = project, Plan = plan, Region = server.Region, ServerId = server.Id, ServerName = serverName,
        Location = location, Point = point, Trigger = trigger, State = RunState.Waiting, AskedAt = now, RestoresTo = restoresTo,
        Policy = policy,
    };

    public RunId Id { get; private set; }

    /// <summary>0 until the vBackup service has spoken of it.</summary>
    public long Version { get; private set; }
    public RunKind Kind { get; private set; }
    public ProjectId Project { get; private set; }
    public PlanId? Plan { get; private set; }

    /// <summary>The one that asked for it, which the plan may have no more, or nobody; null of what a user or a schedule asked
    /// for.</summary>
    public PolicyId? Policy { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";

    /// <summary>Null, as the point, of the import of an image.</summary>
    public LocationId? Location { get; private set; }
    public RestorePointId? Point { get; private set; }
    public RunTrigger Trigger { get; private set; }
    public RunState State { get; private set; }

    /// <summary>Null of one that was only heard of.</summary>
    public DateTimeOffset? AskedAt { get; private set; }

    /// <summary>Of a restore that was asked for here. One to the original is in the way of all backups of the server.</summary>
    public RestoreTarget? RestoresTo { get; private set; }
    public DateTimeOffset? StartedAt { get; private set; }
    public DateTimeOffset? EndedAt { get; private set; }
    public long DoneBytes { get; private set; }
    public long TotalBytes { get; private set; }
    public long StoredBytes { get; private set; }
    public long CheckedBytes { get; private set; }
    public IReadOnlyList<string> Notes { get; private set; } = [];
    public string? Error { get; private set; }
    public string? Target { get; private set; }

    /// <summary>Since when no worker of its region is there to do its work; null when that is not so.</summary>
    public DateTimeOffset? WaitsForWorkerSince { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    public bool IsOver => State >= RunState.Succeeded;

    /// <summary>Nobody answered, or what it is about is unknown. What the service says of it after all is still heard.</summary>
    public void NeverBegan(string reason, DateTimeOffset now) => (State, Error, EndedAt) = (RunState.Failed, reason, now);

    /// <returns>False: it is older than what is known.</returns>
    public bool Changes(RunChanged now)
    {
        if (now.Version <= Version) return false;
        (Version, Kind, Project, Plan) = (now.Version, now.Kind, now.Project, now.Plan);
        (Region, ServerId, ServerName) = (now.Server.Region, now.Server.Id, now.ServerName);
        (Location, Point, Trigger, State) = (now.Location, now.Point, now.Trigger, now.State);
        (StartedAt, EndedAt) = (now.StartedAt, now.EndedAt);
        (DoneBytes, TotalBytes, StoredBytes, CheckedBytes) = (now.DoneBytes, now.TotalBytes, now.StoredBytes, now.CheckedBytes);
        (Notes, Error, Target, WaitsForWorkerSince) = (now.Notes, now.Error, now.Target, now.WaitsForWorkerSince);
        return true;
    }
}
