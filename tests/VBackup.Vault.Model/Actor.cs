using System.Numerics;

namespace VBackup.Vault.Model;

/// <summary>
/// Somebody who works on the vault: a program of steps. An actor that stops for ever is one that is never picked again,
/// so every stop at every step is explored without being spelled out.
/// </summary>
abstract class Actor(string name, params Step[] program)
{
    public string Name { get; } = name;

    /// <summary>The last step is always <see cref="Step.Stop"/>.</summary>
    public Step[] Program { get; protected init; } = [.. program, Step.Stop];

    /// <summary>Its place among the scenario's actors.</summary>
    public int Place { get; set; }

    public Scenario Scenario { get; set; } = null!;

    /// <summary>The step it begins with, where a scenario starts in the middle.</summary>
    public Step? StartsAt { get; init; }

    /// <summary>What a user or an operator would say that it does.</summary>
    public abstract IEnumerable<Operation> Operations { get; }

    public Step StepIn(in State state) => Program[state.Locals[Place].At];

    /// <summary>Adds every state that one step of this actor leads to.</summary>
    public abstract void Act(in State from, Moves moves);

    /// <summary>Steps that would do nothing in a state are passed over.</summary>
    protected virtual bool IsIdle(Step step, in State state) => false;

    protected bool Broken(Rule rule) => (Scenario.Broken & rule) != 0;

    protected ref Local Own(ref State state) => ref state.Locals[Place];

    protected void GoTo(ref State state, Step step)
    {
        var at = Array.IndexOf(Program, step);
        if (at < 0) throw new InvalidOperationException($"{Name} has no step {step}");
        state.Locals[Place].At = (byte)at;
        PassIdle(ref state);
    }

    protected void Advance(ref State state)
    {
        state.Locals[Place].At++;
        PassIdle(ref state);
    }

    public void Begin(ref State state)
    {
        if (StartsAt is { } step) state.Locals[Place].At = (byte)Array.IndexOf(Program, step);
        PassIdle(ref state);
        Open(ref state);
    }

    /// <summary>The next listing begins: every name there now is there all the time, until something changes.</summary>
    public void Open(ref State state)
    {
        ref var own = ref Own(ref state);
        own.Must = state.World.NamesIn(Program[own.At].Listing());
        own.May = 0;
    }

    /// <summary>Another's step may have changed a name that the listing under way has yet to look at, or has looked at.</summary>
    public void Notice(ref State state)
    {
        ref var own = ref Own(ref state);
        var listing = Program[own.At].Listing();
        if (listing == Listing.None) return;
        var names = state.World.NamesIn(listing);
        own.May |= (ushort)(own.Must & ~names | names & ~own.Must);
        own.Must &= names;
    }

    void PassIdle(ref State state)
    {
        ref var own = ref Own(ref state);
        while (Program[own.At] != Step.Stop && IsIdle(Program[own.At], in state)) own.At++;
        if (Program[own.At] == Step.Stop)
        {
            var at = own.At;
            var pending = own.Pending;
            own = default;
            own.At = at;
            own.Pending = pending;
        }
    }

    /// <summary>Every outcome that the listing under way can have.</summary>
    protected static Outcomes OutcomesOf(in Local own) => new(own.Must, own.May);

    protected static int Bit(int number) => 1 << number;

    protected static int Lowest(int mask) => BitOperations.TrailingZeroCount(mask);
}

/// <summary>All names that must be seen, with each choice of those that may be.</summary>
readonly struct Outcomes(ushort must, ushort may)
{
    public Enumerator GetEnumerator() => new(must, may);

    public struct Enumerator(ushort must, ushort may)
    {
        int _chosen = -1;

        public readonly int Current => must | _chosen;

        public bool MoveNext()
        {
            if (_chosen == 0) return false;
            _chosen = _chosen < 0 ? may : (_chosen - 1) & may;
            return true;
        }
    }
}
