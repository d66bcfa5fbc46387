using System.Text;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>The simulated world did what it must not do.</summary>
internal sealed class SimulationFailure(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>
/// Decides whose turn it is, from a seed. Everything runs on one thread: an actor runs when a step of its is resumed, until it
/// waits again. Stops, deaths and faults happen here.
/// </summary>
internal sealed class Scheduler
{
    private const int StepsMax = 60_000;

    private readonly List<Actor> _actors = [];
    private readonly List<Step> _late = [];
    private readonly List<(int Number, string Actor, string Verb, string Name, string Outcome)> _trace = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly int _burst;
    private int _lowestRank;
    private Actor? _current;

    public Scheduler(int seed)
    {
        Random = new(seed);
        int[] bursts = [1, 2, 5, 20, 80];
        _burst = bursts[Random.Next(bursts.Length)];
        IsRanked = Random.Next(4) > 0;
        Clock = new(this);
    }

    public Random Random { get; }
    public SimulatedClock Clock { get; }
    public int StepNumber { get; private set; }

    /// <summary>
    /// Whether whoever ranks highest always goes on, until it comes to a step at which it is to fall back. Most mistakes need
    /// few changes of turn, at the right steps (Burckhardt and others, "A randomized scheduler with probabilistic
    /// guarantees of finding bugs", 2010). Otherwise turns change at random.
    /// </summary>
    public bool IsRanked { get; }

    /// <summary>Looks at the world after every step, before the actor knows what became of it.</summary>
    public Action<Step> AfterStep { get; set; } = _ => { };

    public Action<Actor> AfterActor { get; set; } = _ => { };

    /// <summary>Faults of each kind that happened.</summary>
    public int[] Faults { get; } = new int[4];
    public int Deaths { get; private set; }
    public int Freezes { get; private set; }

    public IEnumerable<Actor> Actors => _actors;

    /// <summary>Adds an actor; its first turn comes with the others'.</summary>
    public void Add(Actor actor, Func<Task> work)
    {
        _actors.Add(actor);
        var start = new Step<bool>(actor, "start", "", () => true);
        actor.Waiting.Add(start);
        actor.Run = StartAsync();

        async Task StartAsync()
        {
            await start.Done;
            await work();
        }
    }

    public Task<T> TurnAsync<T>(Actor actor, string verb, string name, Func<T> apply)
    {
        var step = new Step<T>(actor, verb, name, apply);
        Enqueue(step);
        return step.Done;
    }

    public void Enqueue(Step step)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            throw new SimulationFailure($"{step.Actor.Name} left the simulation's thread before it came to {step.Verb} {step.Name}");
        step.Actor.Waiting.Add(step);
    }

    /// <summary>The actor whose code runs now; null before the first step.</summary>
    public Actor? Current => _current;

    /// <summary>Turns to be taken first, in this order. Then everybody goes on as they happen to.</summary>
    public Queue<Turn> Plot { get; } = [];

    /// <summary>Runs until every actor is over or dead.</summary>
    public void RunAll()
    {
        List<Actor> awake = [];
        while (true)
        {
            if (StepNumber > StepsMax) throw new SimulationFailure("it does not come to an end");
            if (_late.Count > 0 && Random.Next(40) == 0) ApplyLate(Random.Next(_late.Count));
            awake.Clear();
            foreach (var actor in _actors)
                if (IsAwake(actor)) awake.Add(actor);
            if (awake.Count == 0)
            {
                if (!WakeNext()) break;
                continue;
            }
            TakeStep(Choose(awake));
        }
        while (_late.Count > 0) ApplyLate(0);
    }

    private bool IsAwake(Actor actor)
    {
        if (actor.IsDead || actor.IsOver || actor.FrozenUntil > StepNumber) return false;
        if (actor.StartsWhen?.Invoke() == false) return false;
        actor.StartsWhen = null;
        return true;
    }

    private bool WakeNext()
    {
        if (_actors.Find(actor => !actor.IsDead && actor.StartsWhen is not null) is { } waiting
            && !_actors.Exists(actor => !actor.IsDead && !actor.IsOver && actor.FrozenUntil > StepNumber))
        {
            waiting.StartsWhen = null;
            return true;
        }
        var next = _actors.Where(actor => !actor.IsDead && !actor.IsOver && actor.StartsWhen is null).MinBy(actor => actor.FrozenUntil);
        if (next is null) return false;
        StepNumber = Math.Max(StepNumber, next.FrozenUntil);
        return true;
    }

    private Step Choose(List<Actor> awake)
    {
        if (ChooseByPlot(awake) is { } next) return next;
        if (IsRanked) return ChooseByRank(awake);
        var pausing = awake.All(actor => actor.Waiting.All(step => step.IsPause));
        if (_current is null || !awake.Contains(_current) || Random.Next(_burst) == 0)
            _current = awake[Random.Next(awake.Count)];
        // Time passes seldom while there is anything else to do.
        while (!pausing && _current.Waiting.All(step => step.IsPause) && Random.Next(12) > 0)
            _current = awake[Random.Next(awake.Count)];
        return _current.Waiting[Random.Next(_current.Waiting.Count)];
    }

    private Step? ChooseByPlot(List<Actor> awake)
    {
        for (; Plot.TryPeek(out var turn); Plot.Dequeue())
        {
            var actor = _actors[turn.Actor];
            if (!awake.Contains(actor) || actor.Waiting.Exists(turn.IsOverAt)) continue;
            if (actor.IsPausing && turn.PausesLeft-- == 0) continue;
            _current = actor;
            return actor.Waiting[Random.Next(actor.Waiting.Count)];
        }
        return null;
    }

    private Step ChooseByRank(List<Actor> awake)
    {
        while (true)
        {
            var first = awake[0];
            foreach (var actor in awake)
                if ((actor.IsPausing, -actor.Rank).CompareTo((first.IsPausing, -first.Rank)) < 0) first = actor;
            _current = first;
            // Time passes in turn for all who wait for it.
            if (first.IsPausing) first.Rank = --_lowestRank;
            var step = first.Waiting[Random.Next(first.Waiting.Count)];
            if (!first.FallsBackAt(step)) return step;
            first.Rank = --_lowestRank;
        }
    }

    private void TakeStep(Step step)
    {
        StepNumber++;
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        var actor = step.Actor;
        if (actor.StepsDone >= actor.FreezesAt)
        {
            actor.FreezesAt = int.MaxValue;
            actor.FrozenUntil = StepNumber + actor.FrozenFor;
            Freezes++;
            Trace(step, $"stands still until {actor.FrozenUntil}");
            return;
        }
        actor.StepsDone++;
        if (actor.StepsDone >= actor.DiesAt)
        {
            Die(actor);
            return;
        }
        actor.Waiting.Remove(step);
        if (actor.StepsDone >= actor.FailsAt && actor.MayFail(step))
        {
            Break(step);
        }
        else
        {
            step.Apply();
            Trace(step, "");
            AfterStep(step);
            step.Resume();
        }
        if (actor.Run.IsCompleted)
        {
            actor.IsOver = true;
            AfterActor(actor);
        }
        else if (actor.Waiting.Count == 0)
        {
            throw new SimulationFailure($"{actor.Name} waits for something that is not the simulation's");
        }
    }

    private void Die(Actor actor)
    {
        actor.IsDead = true;
        Deaths++;
        foreach (var step in actor.Waiting)
        {
            var applied = !step.IsPause && Random.Next(2) == 0;
            if (applied) step.Apply();
            Trace(step, applied ? "dies, and it was done" : "dies, and it was not done");
            if (applied) AfterStep(step);
        }
    }

    private void Break(Step step)
    {
        var actor = step.Actor;
        actor.FailsAt = int.MaxValue;
        actor.WasFaulted = true;
        Faults[(int)actor.Fault]++;
        if (actor.Fault == Fault.Applied)
        {
            step.Apply();
            AfterStep(step);
        }
        if (actor.Fault == Fault.AppliedLate) _late.Add(step);
        Trace(step, $"reported as failed: {actor.Fault}");
        step.Fail();
    }

    /// <summary>Does something to the store at some later time, whatever becomes of the actor.</summary>
    public void ApplyLater(Actor actor, string verb, string name, Action apply) => _late.Add(new Step<string>(actor, verb, name, () =>
    {
        apply();
        return "";
    }));

    private void ApplyLate(int at)
    {
        var step = _late[at];
        _late.RemoveAt(at);
        step.Apply();
        Trace(step, "arrives late");
        AfterStep(step);
    }

    private void Trace(Step step, string note) =>
        _trace.Add((StepNumber, step.Actor.Name, step.Verb, step.Name, note.Length == 0 ? step.Outcome : note));

    /// <summary>Notes what somebody did without the scheduler.</summary>
    public void Trace(string who, string verb, string name) => _trace.Add((StepNumber, who, verb, name, ""));

    /// <summary>Every step so far, with the ids of objects shortened to letters and numbers.</summary>
    public string FormatTrace(string ending)
    {
        var text = new StringBuilder();
        var names = new NameShortener();
        foreach (var (number, actor, verb, name, outcome) in _trace)
            text.AppendLine($"{number,6} {actor,-12} {verb,-6} {names.Shorten(name)} {names.Shorten(outcome)}");
        return text.Append(names.Shorten(ending)).ToString();
    }
}
