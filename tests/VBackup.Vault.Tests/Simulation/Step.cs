using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What an actor waits for: its turn to do one thing to the store, or a moment of time.</summary>
internal abstract class Step(Actor actor, string verb, string name)
{
    public Actor Actor { get; } = actor;
    public string Verb { get; } = verb;
    public string Name { get; } = name;

    /// <summary>What became of it, for the trace.</summary>
    public string Outcome { get; protected set; } = "";

    /// <summary>Only time passes; nothing is done to the store.</summary>
    public bool IsPause { get; protected init; }

    /// <summary>Does it to the store. The actor does not know yet.</summary>
    public abstract void Apply();

    /// <summary>Tells the actor; it runs on, on this thread, to its next step.</summary>
    public abstract void Resume();

    /// <summary>Tells the actor that it failed, whether it was applied or not.</summary>
    public abstract void Fail();
}

/// <summary>One operation on the store.</summary>
internal sealed class Step<T>(Actor actor, string verb, string name, Func<T> apply) : Step(actor, verb, name)
{
    // Without RunContinuationsAsynchronously, so that the actor runs on inside of Resume.
    private readonly TaskCompletionSource<T> _done = new();
    private T _result = default!;
    private StoreException? _error;

    public Task<T> Done => _done.Task;

    public override void Apply()
    {
        try
        {
            _result = apply();
            Outcome = _result switch
            {
                bool answer => answer ? "yes" : "no",
                List<ObjectEntry> page => string.Join(' ', page.Select(entry => entry.Name)),
                _ => "",
            };
        }
        catch (StoreException failure)
        {
            _error = failure;
            Outcome = failure.Reason;
        }
    }

    public override void Resume()
    {
        if (_error is null) _done.SetResult(_result);
        else _done.SetException(_error);
    }

    public override void Fail() => _done.SetException(
        new StoreException(StoreFailure.Other, Verb, Name, "a fault of the simulation"));
}

/// <summary>A timer of an actor that comes due.</summary>
internal sealed class PauseStep : Step
{
    private readonly Action _due;

    public PauseStep(Actor actor, Action due) : base(actor, "wait", "") => (_due, IsPause) = (due, true);

    public override void Apply() { }
    public override void Resume() => _due();
    public override void Fail() => _due();
}
