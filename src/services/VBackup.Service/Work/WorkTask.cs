using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;

namespace VBackup.Service.Work;

public enum WorkTaskState
{
    Ready = 0,
    Leased = 1,
    Done = 2,
    Failed = 3,
    Cancelled = 4,
}

/// <summary>A piece of work for one worker at a time. Who has it, has it under an epoch; a lease that runs out is given to another
/// under a higher one.</summary>
public sealed class WorkTask
{
    /// <summary>Attempts, by workers that died or by failures that may pass.</summary>
    public const int AttemptsMax = 5;

    WorkTask() { }

    public WorkTask(WorkTaskId id, WorkKind kind, ProjectId project, string region, string order, DateTimeOffset now) =>
        (Id, Kind, Project, Region, Order, ReadyAt, CreatedAt) = (id, kind, project, region, order, now, now);

    public WorkTaskId Id { get; private set; }
    public WorkKind Kind { get; private set; }
    public ProjectId Project { get; private set; }
    public string Region { get; private set; } = "";

    /// <summary>Whose it is; null for work on a vault that no run waits for.</summary>
    public RunId? Run { get; init; }
    public LocationId? Location { get; init; }

    /// <summary>What limits count: the hypervisor that it loads.</summary>
    public string? Host { get; init; }

    /// <summary>What limits count too: the pools that it reads or writes.</summary>
    public IReadOnlyList<string> Pools { get; init; } = [];

    /// <summary>How often a worker that was to end gave it back.</summary>
    public int TimesGivenBack { get; private set; }

    /// <summary>Of a restore in place: attempts that have failed, and said that they had overwritten nothing.</summary>
    public int UntouchedAttempts { get; private set; }

    /// <summary>By workers that died, or that it failed with.</summary>
    public int Attempts => Epoch - TimesGivenBack;

    /// <summary>Somebody waits for a restore.</summary>
    public bool IsUrgent { get; init; }
    public string Order { get; private set; } = "";
    public WorkTaskState State { get; private set; }
    public DateTimeOffset CreatedAt { get; private set; }
    public DateTimeOffset ReadyAt { get; private set; }
    public int Epoch { get; private set; }
    public WorkerId? Worker { get; private set; }
    public DateTimeOffset? LeaseUntil { get; private set; }
    public string? Error { get; private set; }

    public bool IsOver => State >= WorkTaskState.Done;

    /// <summary>Nobody goes on with it when its run is to end. But a server that was stopped for a restore is to run again, whatever
    /// became of that, what came of an export has to be found out, and what is left half made has to go.</summary>
    public bool EndsWithItsRun => Kind is not (WorkKind.StartServer or WorkKind.SettleExport or WorkKind.RemoveUnfinished);

    public void IsLeased(WorkerId worker, DateTimeOffset until, string order)
    {
        if (State != WorkTaskState.Ready) throw new InvalidOperationException($"Task {Id} is {State}.");
        (State, Worker, LeaseUntil, Order) = (WorkTaskState.Leased, worker, until, order);
        Epoch++;
    }

    /// <summary>Whether somebody with this epoch has it now.</summary>
    public bool IsHeldUnder(int epoch) => State == WorkTaskState.Leased && Epoch == epoch;

    public void IsProlonged(DateTimeOffset until) => LeaseUntil = until;

    public void IsDone()
    {
        (State, Worker, LeaseUntil) = (WorkTaskState.Done, null, null);
    }

    public void HasFailed(string error) =>
        (State, Worker, LeaseUntil, Error) = (WorkTaskState.Failed, null, null, error);

    /// <summary>Its attempt has failed, and says so.</summary>
    public void HasOverwrittenNothing() => UntouchedAttempts++;

    /// <summary>Another attempt; the epoch that had it is over.</summary>
    public void IsReadyAgain(DateTimeOffset at, string error) =>
        (State, Worker, LeaseUntil, ReadyAt, Error) = (WorkTaskState.Ready, null, null, at, error);

    /// <summary>Another goes on with it at once, and that it was begun does not count.</summary>
    public void IsGivenBack(DateTimeOffset now, string reason)
    {
        TimesGivenBack++;
        IsReadyAgain(now, reason);
    }

    public void IsCancelled()
    {
        if (IsOver) return;
        (State, Worker, LeaseUntil) = (WorkTaskState.Cancelled, null, null);
    }
}
