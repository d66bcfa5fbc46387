namespace VBackup.Vault.Tests.Simulation;

internal enum ActorKind { Writer, Reader, Deleter, Collector, Verifier, Repairer }

/// <summary>What befalls an operation on its way to the store or back.</summary>
internal enum Fault { None, NotApplied, Applied, AppliedLate }

/// <summary>
/// One actor alone goes on, until it is about to take a step of some kind for the nth time in this turn, or is over, or has
/// waited for nothing but time for long.
/// </summary>
/// <param name="actor">Its number in the story's cast.</param>
/// <param name="verbs">The step's; empty for a turn that lasts as long as the actor.</param>
internal sealed class Turn(int actor, string verbs = "", string prefix = "", string suffix = "", int nth = 1)
{
    private readonly Pause _end = new(verbs, prefix, suffix, nth);
    private readonly HashSet<Step> _seen = [];

    public int Actor => actor;

    /// <summary>Longer than the longest timeout that actors have, in polls.</summary>
    public int PausesLeft { get; set; } = 40;

    public bool IsOverAt(Step step) =>
        verbs.Length > 0 && _end.Matches(step) && _seen.Add(step) && --_end.Left <= 0;
}

/// <summary>A kind of step at which an actor falls back.</summary>
internal sealed class Pause(string verbs, string prefix, string suffix, int left)
{
    /// <summary>Steps of this kind until it happens.</summary>
    public int Left { get; set; } = left;

    public bool Matches(Step step) => verbs.Contains(step.Verb, StringComparison.Ordinal)
        && step.Name.StartsWith(prefix, StringComparison.Ordinal)
        && step.Name.EndsWith(suffix, StringComparison.Ordinal);
}

/// <summary>One process at work on the vault: what it waits for, and what is going to happen to it.</summary>
internal sealed class Actor(ActorKind kind, string name)
{
    public ActorKind Kind { get; } = kind;
    public string Name { get; } = name;

    /// <summary>What it waits for. More than one thing when it does several at once.</summary>
    public List<Step> Waiting { get; } = [];

    public Task Run { get; set; } = Task.CompletedTask;
    public int StepsDone { get; set; }

    /// <summary>Of those who are awake, the one with the highest goes on.</summary>
    public int Rank { get; set; }

    /// <summary>Steps before which it falls back behind everybody, in any order.</summary>
    public List<Pause> Pauses { get; } = [];

    /// <summary>It waits for nothing but time.</summary>
    public bool IsPausing => Waiting.TrueForAll(step => step.IsPause);

    public bool FallsBackAt(Step step)
    {
        for (var i = 0; i < Pauses.Count; i++)
        {
            if (!Pauses[i].Matches(step) || --Pauses[i].Left > 0) continue;
            Pauses.RemoveAt(i);
            return true;
        }
        return false;
    }

    /// <summary>Gone for ever, in the midst of its work.</summary>
    public bool IsDead { get; set; }

    public bool IsOver { get; set; }

    /// <summary>It stands still until the world has come to this step.</summary>
    public int FrozenUntil { get; set; }

    /// <summary>It begins when this holds, or when nobody else has anything to do.</summary>
    public Func<bool>? StartsWhen { get; set; }

    // What is going to happen, counted in its own steps.
    public int DiesAt { get; set; } = int.MaxValue;
    public int FreezesAt { get; set; } = int.MaxValue;
    public int FrozenFor { get; set; }
    public int FailsAt { get; set; } = int.MaxValue;
    public Fault Fault { get; set; }

    /// <summary>The next write below this prefix fails; null for whatever comes at the planned step.</summary>
    public string? FailsOn { get; set; }

    public bool MayFail(Step step) => FailsOn is null ? !step.IsPause && step.Verb != "start"
        : step.Verb is "put" or "commit" or "create" or "delete" && step.Name.StartsWith(FailsOn, StringComparison.Ordinal);

    /// <summary>An operation was reported to it as failed.</summary>
    public bool WasFaulted { get; set; }

    /// <summary>The volume's content that the point it is about to put must restore to.</summary>
    public byte[] Publishing { get; set; } = [];

    /// <summary>The name of the session, or the registration, that it put last.</summary>
    public string Registered { get; set; } = "";
}
