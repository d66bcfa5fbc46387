namespace VBackup.Vault.Model;

/// <summary>Takes the states that one step leads to.</summary>
abstract class Moves
{
    /// <summary>Adds a state that <paramref name="actor"/> has made. Listings under way take note of what it changed.</summary>
    public void Add(State to, Actor actor)
    {
        actor.Open(ref to);
        foreach (var other in actor.Scenario.Actors)
        {
            if (other != actor) other.Notice(ref to);
        }

        Take(in to, actor);
    }

    protected abstract void Take(in State to, Actor actor);
}

/// <summary>What exploring a scenario has shown. <see cref="StepsTaken"/> has a bit for each <see cref="Step"/>.</summary>
sealed record Exploration(string Scenario, int States, string? Loss, IReadOnlyList<string> Trace, UInt128 StepsTaken,
    IReadOnlyList<string> GoalsMissed)
{
    public override string ToString() =>
        $"{Scenario}: {Loss ?? "nothing lost"}, {States:N0} states\n" + string.Join('\n', Trace);
}

/// <summary>Visits every state that a scenario can reach, nearest first, so that the first loss found has a shortest trace.</summary>
sealed class Explorer : Moves
{
    readonly Scenario _scenario;
    readonly StateStore _store;
    int _from;
    bool _moved;

    Explorer(Scenario scenario)
    {
        _scenario = scenario;
        _store = new StateStore(State.WordsFor(scenario.Actors.Count));
    }

    public static Exploration Explore(Scenario scenario, int statesMax) => new Explorer(scenario).Run(statesMax);

    Exploration Run(int statesMax)
    {
        var steps = UInt128.Zero;
        var goals = _scenario.Goals;
        var missed = new List<string>(goals.Select(goal => goal.Name));
        _store.Add(_scenario.Initial(), -1);
        for (_from = 0; _from < _store.Count; _from++)
        {
            var state = _store[_from];
            if (_scenario.LossIn(in state) is { } loss)
            {
                return new Exploration(_scenario.Name, _store.Count, loss, TraceTo(_from), steps, missed);
            }

            foreach (var (name, isReached) in goals)
            {
                if (missed.Count > 0 && missed.Contains(name) && isReached(state.World)) missed.Remove(name);
            }

            foreach (var actor in _scenario.Actors)
            {
                _moved = false;
                actor.Act(in state, this);
                if (_moved) steps |= UInt128.One << (int)actor.StepIn(in state);
            }

            if (_store.Count > statesMax)
            {
                throw new InvalidOperationException($"{_scenario.Name} has more than {statesMax:N0} states");
            }
        }

        return new Exploration(_scenario.Name, _store.Count, null, [], steps, missed);
    }

    protected override void Take(in State to, Actor actor)
    {
        _moved = true;
        _store.Add(in to, _from);
    }

    List<string> TraceTo(int number)
    {
        var path = new List<int>();
        for (var n = number; n >= 0; n = _store.ParentOf(n)) path.Add(n);
        path.Reverse();
        var trace = new List<string>();
        for (var i = 1; i < path.Count; i++)
        {
            trace.Add($"  {i,3}. " + Trace.Describe(_scenario, _store[path[i - 1]], _store[path[i]]));
        }

        return trace;
    }
}
