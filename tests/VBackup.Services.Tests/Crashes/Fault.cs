namespace VBackup.Services.Tests.Crashes;

/// <summary>Where something can go wrong.</summary>
enum Place
{
    // Messages on their way.
    ToPortal, ToBackup, ToSnapshots,
    // Transactions.
    BackupCommit, SnapshotsCommit,
    // What a worker says to the vBackup service.
    Acquire, Report, Complete, Fail,
    // The vSnapshot service at the cloud.
    FindServer, TakeInstant, RemoveInstant, KeepInstant, RollBack, Freeze, AskFrozen, Thaw,
    // A worker at the cloud.
    LookAtServer, StopServer, StartServer, DefineServer, LookAtVolume, OpenInstant, ReadInstant, FindChanges, OpenWriter, ReadVolume,
    WriteVolume, FlushVolume, NoteRestore, OpenReader, CreateVolume, RemoveVolume,
    // A worker at the vault's store.
    PutObject, CreateObject, AppendObject, CommitObject, ReadObject, LookForObject, ListObjects, DeleteObject,
}

/// <summary>What goes wrong there. Who dies is gone with all that it knew; only what it has stored is left.</summary>
enum Mishap
{
    DiesBefore,
    /// <summary>In the midst of it: half of it is done.</summary>
    DiesWithin,
    DiesAfter,
    /// <summary>It is not done, and that is said.</summary>
    FailsBefore,
    /// <summary>It is done, and the answer is lost.</summary>
    FailsAfter,
    /// <summary>The whole process stands still, until others have taken over, and goes on as if nothing had been.</summary>
    Sleeps,
    /// <summary>This one call takes long, while the process goes on.</summary>
    Lags,
    ArrivesTwice,
    /// <summary>Long after it was sent, behind others.</summary>
    ArrivesLate,
}

/// <param name="Nth">Of all calls at that place, from 1 on.</param>
sealed record Fault(Place Place, Mishap Mishap, int Nth)
{
    public override string ToString() => $"{Mishap} at {Place} {Nth}";
}

/// <summary>All that can go wrong.</summary>
static class Faults
{
    const Mishap Fails = Mishap.FailsBefore, Answer = Mishap.FailsAfter, Dies = Mishap.DiesBefore, Within = Mishap.DiesWithin,
        After = Mishap.DiesAfter, Sleeps = Mishap.Sleeps, Lags = Mishap.Lags;

    static readonly Mishap[] s_message = [Fails, Answer, Mishap.ArrivesTwice, Mishap.ArrivesLate];
    static readonly Mishap[] s_step = [Dies, After, Fails, Answer, Sleeps, Lags];
    static readonly Mishap[] s_look = [Dies, Fails, Sleeps, Lags];
    static readonly Mishap[] s_instant = [Dies, After, Fails, Answer, Lags];

    /// <summary>At each place what can go wrong, and how many calls of a run's there usually are at least.</summary>
    static readonly Dictionary<Place, (Mishap[] Mishaps, int Calls)> s_places = new()
    {
        [Place.ToPortal] = (s_message, 12),
        [Place.ToBackup] = (s_message, 4),
        [Place.ToSnapshots] = (s_message, 5),
        [Place.BackupCommit] = ([Dies, After], 30),
        [Place.SnapshotsCommit] = ([Dies, After], 20),
        [Place.Acquire] = ([Dies, After, Fails, Answer, Sleeps], 4),
        [Place.Report] = ([Dies, After, Fails, Answer, Sleeps, Lags], 2),
        [Place.Complete] = ([Dies, After, Fails, Answer, Sleeps, Lags], 3),
        [Place.Fail] = ([Dies, After, Fails, Answer, Sleeps], 1),
        [Place.FindServer] = ([Dies, Fails, Lags], 6),
        [Place.TakeInstant] = ([.. s_instant, Within], 2),
        [Place.RemoveInstant] = ([.. s_instant, Within], 1),
        [Place.KeepInstant] = (s_instant, 2),
        [Place.RollBack] = ([.. s_instant, Within], 1),
        [Place.Freeze] = (s_instant, 2),
        [Place.AskFrozen] = ([Dies, Fails, Lags], 2),
        [Place.Thaw] = (s_instant, 2),
        [Place.LookAtServer] = (s_look, 3),
        [Place.StopServer] = (s_step, 1),
        [Place.StartServer] = (s_step, 1),
        [Place.DefineServer] = (s_step, 1),
        [Place.LookAtVolume] = (s_look, 4),
        [Place.OpenInstant] = (s_look, 3),
        [Place.ReadInstant] = (s_look, 4),
        [Place.FindChanges] = (s_look, 2),
        [Place.OpenWriter] = (s_step, 3),
        [Place.ReadVolume] = (s_look, 4),
        [Place.WriteVolume] = ([.. s_step, Within], 3),
        [Place.FlushVolume] = (s_step, 2),
        [Place.NoteRestore] = (s_step, 3),
        [Place.OpenReader] = (s_look, 2),
        [Place.CreateVolume] = (s_step, 2),
        [Place.RemoveVolume] = (s_step, 1),
        [Place.PutObject] = (s_step, 8),
        [Place.CreateObject] = (s_step, 2),
        [Place.AppendObject] = (s_step, 6),
        [Place.CommitObject] = (s_step, 5),
        [Place.ReadObject] = (s_look, 20),
        [Place.LookForObject] = (s_look, 8),
        [Place.ListObjects] = (s_look, 20),
        [Place.DeleteObject] = (s_step, 2),
    };

    public static IReadOnlyList<(Place Place, Mishap Mishap)> Kinds { get; } =
        [.. s_places.SelectMany(place => place.Value.Mishaps.Select(mishap => (place.Key, mishap)))];

    /// <summary>One of a kind, at some call that there probably is.</summary>
    public static Fault Of(Random random, (Place Place, Mishap Mishap) kind) =>
        new(kind.Place, kind.Mishap, 1 + (int)(random.NextDouble() * random.NextDouble() * 2 * s_places[kind.Place].Calls));
}

/// <summary>What goes wrong in one world. Thread-safe.</summary>
sealed class FaultPlan(IEnumerable<Fault> faults)
{
    readonly Lock _lock = new();
    readonly List<Fault> _left = [.. faults];
    readonly List<Fault> _fired = [];
    readonly Dictionary<Place, int> _calls = [];
    bool _isOver;

    public static FaultPlan None => new([]);

    public IReadOnlyList<Fault> Planned { get; } = [.. faults];

    public IReadOnlyList<Fault> Fired
    {
        get
        {
            lock (_lock) return [.. _fired];
        }
    }

    /// <summary>Calls at each place so far.</summary>
    public IReadOnlyDictionary<Place, int> Calls
    {
        get
        {
            lock (_lock) return new Dictionary<Place, int>(_calls);
        }
    }

    /// <summary>Each kind has its turn, by the seed; some others come on top.</summary>
    public static FaultPlan Of(int seed, Random random)
    {
        List<Fault> faults = [Faults.Of(random, Faults.Kinds[seed % Faults.Kinds.Count])];
        for (var more = random.Next(5); more > 0; more--) faults.Add(Faults.Of(random, Faults.Kinds[random.Next(Faults.Kinds.Count)]));
        return new(faults);
    }

    /// <summary>Nothing goes wrong any more.</summary>
    public void End()
    {
        lock (_lock) _isOver = true;
    }

    /// <summary>Somebody is at a place.</summary>
    /// <returns>What goes wrong; null for nothing.</returns>
    public Mishap? Meet(Place place)
    {
        lock (_lock)
        {
            var nth = _calls[place] = _calls.GetValueOrDefault(place) + 1;
            if (_isOver || _left.FirstOrDefault(one => one.Place == place && one.Nth <= nth) is not { } fault) return null;
            _left.Remove(fault);
            _fired.Add(fault);
            return fault.Mishap;
        }
    }
}
