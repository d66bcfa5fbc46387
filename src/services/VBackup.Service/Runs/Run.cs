using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Service.Runs;

/// <summary>
/// One execution of a backup, of a restore, or of the export or import of an image. Each change is one of these methods, and gives a higher
/// version. Once it is over, it stays as it is: whatever comes later is late.
/// </summary>
public sealed class Run
{
    const int NotesMax = 50, TextMax = 2000;

    Run() { }

    public RunId Id { get; private set; }
    public long Version { get; private set; }
    public RunKind Kind { get; private set; }
    public ProjectId Project { get; private set; }
    public PlanId? Plan { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";

    /// <summary>Null, as the point, of the import of an image.</summary>
    public LocationId? Location { get; private set; }
    public RestorePointId? Point { get; private set; }
    public RunTrigger Trigger { get; private set; }
    public RunState State { get; private set; }
    public PointKind WantedKind { get; private set; }
    public DateTimeOffset AskedAt { get; private set; }
    public DateTimeOffset? StartedAt { get; private set; }
    public DateTimeOffset? EndedAt { get; private set; }

    /// <summary>When its policy's window closes.</summary>
    public DateTimeOffset? StopBy { get; private set; }

    /// <summary>If no worker has begun it by then, it is not wanted any more; null for one that waits as long as it takes, or that was
    /// begun.</summary>
    public DateTimeOffset? BeginBy { get; private set; }

    /// <summary>Since when it waits for a worker, where none of its region is there; null when it does not.</summary>
    public DateTimeOffset? WaitsForWorkerSince { get; private set; }

    /// <summary>Names of the disks; null for all.</summary>
    public IReadOnlyList<string>? Disks { get; private set; }

    /// <summary>The instant of a backup; of a restore in place, what it can be taken back to.</summary>
    public SnapshotId? Snapshot { get; private set; }

    /// <summary>Of the location's quota, as long as the run is not over.</summary>
    public long ReservedBytes { get; private set; }
    public long DoneBytes { get; private set; }
    public long TotalBytes { get; private set; }
    public long StoredBytes { get; private set; }

    /// <summary>Of what was written, what was read back too and is right.</summary>
    public long CheckedBytes { get; private set; }
    public List<string> Notes { get; private set; } = [];
    public string? Error { get; private set; }

    public RestoreTarget? Target { get; private set; }
    public string? NewName { get; private set; }
    public string? Volume { get; private set; }
    public bool StopsServer { get; private set; }
    public bool ServerRan { get; private set; }

    /// <summary>What a restore or an image wrote, for people.</summary>
    public string? Restored { get; private set; }

    /// <summary>Why it is to end as soon as it can; it is not over yet.</summary>
    public RunState? EndsAs { get; private set; }

    public bool IsOver => State >= RunState.Succeeded;

    public ServerRef Server => new(Region, ServerId);

    /// <param name="beginBy">Of one that a plan asks for.</param>
    public static Run Of(StartBackup order, DateTimeOffset now, DateTimeOffset? beginBy = null) => new()
    {
        Id = order.Run,
        Kind = RunKind.Backup,
        Project = order.Project,
        Plan = order.Plan,
        Region = order.Server.Region,
        ServerId = order.Server.Id,
        ServerName = order.ServerName,
        Location = order.Location,
        Point = order.Point,
        Trigger = order.Trigger,
        WantedKind = order.Kind,
        AskedAt = now,
        StopBy = order.StopBy,
        BeginBy = order.Trigger == RunTrigger.Manual ? null : beginBy,
        Disks = order.Disks,
        Version = 1,
    };

    /// <param name="beginBy">Of one that a schedule asks for.</param>
    public static Run Of(StartRestore order, ServerRef server, string serverName, LocationId location, DateTimeOffset now,
        DateTimeOffset? beginBy = null) => new()
    {
        Id = order.Run,
        Kind = RunKind.Restore,
        Project = order.Project,
        Region = server.Region,
        ServerId = server.Id,
        ServerName = serverName,
        Location = location,
        Point = order.Point,
        Trigger = order.Trigger,
        AskedAt = now,
        Target = order.Target,
        NewName = order.NewName,
        Volume = order.Volume,
        StopsServer = order.StopsServer,
        BeginBy = order.Trigger == RunTrigger.Manual ? null : beginBy,
        Version = 1,
    };

    public static Run Of(ExportImage order, ServerRef server, string serverName, LocationId location, DateTimeOffset now) => new()
    {
        Id = order.Run,
        Kind = RunKind.ExportImage,
        Project = order.Project,
        Region = server.Region,
        ServerId = server.Id,
        ServerName = serverName,
        Location = location,
        Point = order.Point,
        Trigger = RunTrigger.Manual,
        AskedAt = now,
        Volume = order.Volume,
        Version = 1,
    };

    public static Run Of(ImportImage order, DateTimeOffset now) => new()
    {
        Id = order.Run,
        Kind = RunKind.ImportImage,
        Project = order.Project,
        Region = order.Server.Region,
        ServerId = order.Server.Id,
        ServerName = order.ServerName,
        Trigger = RunTrigger.Manual,
        AskedAt = now,
        NewName = order.NewName,
        Version = 1,
    };

    /// <summary>The instant is on its way.</summary>
    public void TakesSnapshot(SnapshotId snapshot, long reservedBytes, DateTimeOffset now)
    {
        Require(State == RunState.Waiting);
        (State, Snapshot, ReservedBytes, StartedAt) = (RunState.Snapshotting, snapshot, reservedBytes, now);
        Version++;
    }

    /// <summary>It was given up before it overwrote anything; a snapshot that comes after all is none of its own.</summary>
    public void NeedsNoSnapshot()
    {
        Snapshot = null;
        Version++;
    }

    public void Transfers(DateTimeOffset now)
    {
        Require(State is RunState.Waiting or RunState.Snapshotting);
        (State, StartedAt) = (RunState.Transferring, StartedAt ?? now);
        Version++;
    }

    public void Commits(long storedBytes)
    {
        Require(State == RunState.Transferring);
        (State, StoredBytes) = (RunState.Committing, storedBytes);
        Version++;
    }

    /// <summary>All of it. A worker that was done before its first report has told of nothing.</summary>
    public void HasDone(long bytes, long checkedBytes = 0)
    {
        (DoneBytes, TotalBytes, CheckedBytes) = (bytes, bytes, checkedBytes);
        Version++;
    }

    public void Progresses(WorkProgress now)
    {
        if (IsOver || (now.DoneBytes, now.TotalBytes, now.StoredBytes, now.CheckedBytes)
            == (DoneBytes, TotalBytes, StoredBytes, CheckedBytes)) return;
        (DoneBytes, TotalBytes, StoredBytes, CheckedBytes) = (now.DoneBytes, now.TotalBytes, now.StoredBytes, now.CheckedBytes);
        Version++;
    }

    /// <summary>A worker has it.</summary>
    /// <returns>Whether nobody had, as far as was told.</returns>
    public bool WasTaken()
    {
        BeginBy = null;
        return WaitsForWorker(null);
    }

    /// <param name="since">Null when it does not.</param>
    /// <returns>Whether that is news.</returns>
    public bool WaitsForWorker(DateTimeOffset? since)
    {
        if (IsOver || since is null == WaitsForWorkerSince is null) return false;
        WaitsForWorkerSince = since;
        Version++;
        return true;
    }

    /// <summary>More of the quota than was thought.</summary>
    public void Reserves(long bytes)
    {
        ReservedBytes = bytes;
        Version++;
    }

    public void Note(IEnumerable<string> notes)
    {
        foreach (var note in notes)
            if (Notes.Count < NotesMax && !Notes.Contains(note)) Notes = [.. Notes, Short(note)];
        Version++;
    }

    /// <summary>It is to run again when all is over, whoever has stopped it.</summary>
    public void ServerWasRunning()
    {
        ServerRan = true;
        Version++;
    }

    public void Restores(string what)
    {
        Restored = Short(what);
        Version++;
    }

    /// <summary>It is to end without its result, when whoever is at work has stopped.</summary>
    public void IsToEnd(RunState state, string reason)
    {
        Require(state is RunState.Failed or RunState.Cancelled or RunState.WindowClosed);
        if (IsOver || EndsAs is not null) return;
        (EndsAs, Error) = (state, Short(reason));
        Version++;
    }

    public void Ends(RunState state, string? error, DateTimeOffset now)
    {
        Require(state >= RunState.Succeeded);
        if (IsOver) return;
        (State, EndedAt, ReservedBytes, EndsAs, WaitsForWorkerSince) = (state, now, 0, null, null);
        Error = state == RunState.Succeeded ? null : Short(error ?? Error ?? "no reason was given");
        Version++;
    }

    public RunChanged View() => new(Id, Version, Kind, Project, Plan, Server, ServerName, Location, Point, Trigger, State, StartedAt,
        EndedAt,
        DoneBytes, TotalBytes, StoredBytes, [.. Notes], Error, Restored, CheckedBytes, WaitsForWorkerSince);

    static string Short(string text) => text.Length <= TextMax ? text : text[..TextMax];

    void Require(bool condition)
    {
        if (!condition) throw new InvalidOperationException($"Run {Id} is {State}.");
    }
}
