using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Snapshots;

/// <summary>What is to be done next with a snapshot.</summary>
public enum SnapshotStep
{
    None = 0,
    Take = 1,
    KeepAsBase = 2,
    Remove = 3,
    RollBack = 4,
}

/// <summary>A snapshot of a server's volumes, whatever it is for.</summary>
public sealed class Snapshot
{
    /// <summary>Attempts at one step, until it is left to people.</summary>
    public const int AttemptsMax = 8;

    static readonly TimeSpan s_neededFor = TimeSpan.FromDays(1);

    Snapshot() { }

    public SnapshotId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public RunId? Run { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";

    /// <summary>For people.</summary>
    public string Name { get; private set; } = "";

    /// <summary>What the storage calls it.</summary>
    public string Instant { get; private set; } = "";
    public SnapshotPurpose Purpose { get; private set; }
    public SnapshotState State { get; private set; }
    public SnapshotStep Next { get; private set; }

    /// <summary>Names of the disks that are wanted; null for all.</summary>
    public IReadOnlyList<string>? WantedDisks { get; private set; }
    public IReadOnlyList<DiskView> Disks { get; private set; } = [];
    public DateTimeOffset? TakenAt { get; private set; }
    public DateTimeOffset? KeptUntil { get; private set; }

    /// <summary>When the next step is due.</summary>
    public DateTimeOffset DueAt { get; private set; }
    public int Attempts { get; private set; }
    public string? Error { get; private set; }

    /// <summary>Names of the disks that are to be rolled back; null for all.</summary>
    public IReadOnlyList<string>? RolledBackDisks { get; private set; }

    /// <summary>Taken before the roll back that is to come.</summary>
    public SnapshotId? Safety { get; private set; }
    public DateTimeOffset? RolledBackAt { get; private set; }

    /// <summary>Somebody wants its volumes free of it, also when one of them is half written and could be taken back to it alone.</summary>
    public bool IsGivenUp { get; private set; }

    /// <summary>Since when its server is in the region no more; null while it is.</summary>
    public DateTimeOffset? ServerGoneAt { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    public static Snapshot Of(TakeServerSnapshot order, Installation installation, DateTimeOffset now) => new()
    {
        Id = order.Snapshot,
        Version = 1,
        Project = order.Project,
        Run = order.Run,
        Region = order.Server.Region,
        ServerId = order.Server.Id,
        Name = order.SnapshotName,
        Instant = installation.NameFor(order.Purpose, order.Snapshot),
        Purpose = order.Purpose,
        WantedDisks = order.Disks,
        KeptUntil = order.KeptUntil,
        Next = SnapshotStep.Take,
        DueAt = now,
    };

    /// <summary>What this one's volumes are, before they are made what they were.</summary>
    /// <param name="id">Of the new one.</param>
    public Snapshot BeforeRollBack(SnapshotId id, Installation installation, IReadOnlyList<string> disks, DateTimeOffset now, TimeSpan kept)
    {
        Safety = id;
        return new()
        {
            Id = id,
            Version = 1,
            Project = Project,
            Region = Region,
            ServerId = ServerId,
            Name = $"safety-{id.Value:N}",
            Instant = installation.NameFor(SnapshotPurpose.Safety, id),
            Purpose = SnapshotPurpose.Safety,
            WantedDisks = disks,
            KeptUntil = now + kept,
            Next = SnapshotStep.Take,
            DueAt = now,
        };
    }

    /// <summary>One whose order to be removed came before the order to be taken.</summary>
    public static Snapshot NeverTaken(SnapshotId id, ProjectId project, string region, DateTimeOffset now) => new()
    { Id = id, Version = 1, Project = project, Region = region, State = SnapshotState.Removed, DueAt = now };

    public void WasTaken(DateTimeOffset takenAt, IReadOnlyList<DiskView> disks)
    {
        (State, TakenAt, Disks, Error) = (SnapshotState.Ready, takenAt, disks, null);
        // Somebody may have asked for its removal while it was taken.
        if (Next == SnapshotStep.Take) Next = SnapshotStep.None;
        Attempts = 0;
        Version++;
    }

    public void CouldNotBeTaken(string error, DateTimeOffset now)
    {
        (State, Error) = (SnapshotState.Failed, error);
        // What an interrupted taking left is removed.
        (Next, DueAt, Attempts) = (SnapshotStep.Remove, now, 0);
        Version++;
    }

    public void IsToBeBase(DateTimeOffset now) => Ask(SnapshotStep.KeepAsBase, now, SnapshotState.Ready);

    /// <returns>False: it is not taken yet, or something else is about to be done with it.</returns>
    public bool IsToBeRolledBack(IReadOnlyList<string>? disks, DateTimeOffset now)
    {
        if (Next == SnapshotStep.RollBack) return true;
        if (State is not (SnapshotState.Ready or SnapshotState.Base) || Next != SnapshotStep.None) return false;
        (Next, DueAt, Attempts, Error, RolledBackDisks, Safety) = (SnapshotStep.RollBack, now, 0, null, disks, null);
        Version++;
        return true;
    }

    /// <summary>Whoever asked hears why, and asks again when it is otherwise: much later nobody expects it any more.</summary>
    public void IsNotRolledBack(string error)
    {
        if (Next == SnapshotStep.RollBack) Next = SnapshotStep.None;
        (Attempts, Error) = (0, error);
        Version++;
    }

    /// <summary>The storage has lost it.</summary>
    public void IsMissing(string error)
    {
        (State, Next, Error) = (SnapshotState.Failed, SnapshotStep.None, error);
        Version++;
    }

    public void MissesServer(DateTimeOffset now) => ServerGoneAt ??= now;

    public void SeesServer() => ServerGoneAt = null;

    public void IsToBeRemoved(DateTimeOffset now)
    {
        if (State is SnapshotState.Removed || Next == SnapshotStep.Remove) return;
        // Whoever waits for the roll back hears that nothing comes of it; one that is done all the same takes this back.
        if (Next == SnapshotStep.RollBack) Error = "it was deleted before volumes were made what they were";
        (Next, DueAt, Attempts) = (SnapshotStep.Remove, now, 0);
        Version++;
    }

    /// <summary>As <see cref="IsToBeRemoved"/>, whatever needs it.</summary>
    public void IsToBeGivenUp(DateTimeOffset now)
    {
        IsGivenUp = true;
        IsToBeRemoved(now);
    }

    /// <summary>It was to go, and stays: a volume is taken back to it or to nothing. One whose days are over has another one.</summary>
    public void IsStillNeeded(string reason, DateTimeOffset now)
    {
        // Meanwhile somebody may have said that it goes all the same.
        if (IsGivenUp) return;
        if (Next == SnapshotStep.Remove) Next = SnapshotStep.None;
        (Attempts, Error) = (0, reason);
        if (KeptUntil < now + s_neededFor) KeptUntil = now + s_neededFor;
        Version++;
    }

    public void IsBase()
    {
        State = SnapshotState.Base;
        Done(SnapshotStep.KeepAsBase);
    }

    public void WasRolledBack(DateTimeOffset now)
    {
        RolledBackAt = now;
        Done(SnapshotStep.RollBack);
        // Change tracking starts anew: the next backup is full.
        if (State == SnapshotState.Base) IsToBeRemoved(now);
    }

    public void IsRemoved()
    {
        if (State != SnapshotState.Failed) State = SnapshotState.Removed;
        Done(SnapshotStep.Remove);
    }

    /// <summary>It is tried again later; at last it is left as it is, with the reason.</summary>
    public void StepFailed(string error, DateTimeOffset now)
    {
        Attempts++;
        Error = error;
        DueAt = now + TimeSpan.FromSeconds(Math.Min(5 << Math.Min(Attempts, 6), 300));
        // A removal is never given up: what stays costs room and slows writers.
        if (Attempts >= AttemptsMax && Next is SnapshotStep.RollBack or SnapshotStep.KeepAsBase) Next = SnapshotStep.None;
        Version++;
    }

    /// <summary>It is being taken: whoever finds it so later knows that somebody died at it.</summary>
    public void IsBeingTaken()
    {
        Attempts++;
        Version++;
    }

    public SnapshotChanged View() =>
        new(Id, Version, Project, Server, Name, Purpose, Next == SnapshotStep.Remove && State != SnapshotState.Failed
            ? SnapshotState.Removing : State,
            Disks, TakenAt, KeptUntil, Error, Next == SnapshotStep.RollBack, RolledBackAt,
            Instant.Length > 0 ? Instant : null);

    void Ask(SnapshotStep step, DateTimeOffset now, SnapshotState needed)
    {
        if (State != needed || Next == SnapshotStep.Remove) return;
        (Next, DueAt, Attempts) = (step, now, 0);
        Version++;
    }

    void Done(SnapshotStep step)
    {
        if (Next == step) Next = SnapshotStep.None;
        (Attempts, Error) = (0, State == SnapshotState.Failed ? Error : null);
        Version++;
    }
}
