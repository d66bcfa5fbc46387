using VBackup.Clouds;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Whoever is dead and was asked to do something. Nothing of ours may catch it as a failure that can pass.</summary>
sealed class DiedException(string who) : Exception($"{who} is dead");

/// <param name="Number">Of all leases that were given out, which one.</param>
sealed record Holding(WorkTaskId Task, int Epoch, WorkKind Kind, int Number);

/// <summary>
/// One process, from its start to its end. All that it does to the world goes through here: so it can die, fall asleep or be slow at any
/// call, and does nothing any more when it is dead. Thread-safe.
/// </summary>
/// <param name="standsStill">When one call of it waits, all others do.</param>
sealed class Life(string name, FaultPlan faults, Action<string> tell, bool standsStill = false)
{
    readonly Lock _lock = new();
    TaskCompletionSource? _gate;
    TaskCompletionSource _parked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;
    public bool IsDead { get; private set; }
    public bool IsParked => _gate is not null;

    /// <summary>The whole process stands still, its clock too.</summary>
    public bool IsAsleep { get; private set; }

    /// <summary>Done when a call waits to be woken.</summary>
    public Task Parked
    {
        get
        {
            lock (_lock) return _parked.Task;
        }
    }

    /// <summary>What a worker is at.</summary>
    public Holding? Holds { get; set; }

    /// <summary>Every so often a bit of time passes while it works.</summary>
    public Action? Takes { get; init; }

    /// <summary>It ends here, with all that it knows.</summary>
    public DiedException Die()
    {
        lock (_lock)
        {
            IsDead = true;
            Release();
        }
        return new(name);
    }

    public void Wake()
    {
        lock (_lock) Release();
    }

    public void RequireAlive()
    {
        if (IsDead) throw new DiedException(name);
    }

    public Task DoAsync(Place place, Func<CancellationToken, Task> work, CancellationToken cancellation, Func<Task>? half = null) =>
        DoAsync(place, async stop =>
        {
            await work(stop);
            return true;
        }, cancellation, half);

    /// <param name="half">Does half of it.</param>
    public async Task<T> DoAsync<T>(
        Place place, Func<CancellationToken, Task<T>> work, CancellationToken cancellation, Func<Task>? half = null)
    {
        await AwaitTurnAsync(place, cancellation);
        var mishap = faults.Meet(place);
        if (mishap is not null) tell($"{name}: {mishap} at {place}");
        switch (mishap)
        {
            case Mishap.DiesBefore:
                throw Die();
            case Mishap.DiesWithin:
                await half!();
                throw Die();
            case Mishap.DiesAfter:
                await work(cancellation);
                throw Die();
            case Mishap.FailsBefore:
                throw FailureOf(place);
            case Mishap.FailsAfter:
                await work(cancellation);
                throw FailureOf(place);
            case Mishap.Sleeps:
                await ParkAsync(sleeps: true, CancellationToken.None);
                // It was on its way already.
                return await work(CancellationToken.None);
            case Mishap.Lags:
                await ParkAsync(sleeps: false, cancellation);
                break;
        }
        var result = await work(cancellation);
        Takes?.Invoke();
        return result;
    }

    // A slow call keeps the others of a worker from running ahead, so that a seed plays much the same each time; its reports go on.
    async Task AwaitTurnAsync(Place place, CancellationToken cancellation)
    {
        while (true)
        {
            RequireAlive();
            Task gate;
            bool sleeps;
            lock (_lock)
            {
                if (_gate is null || !standsStill || !IsAsleep && place == Place.Report) return;
                (gate, sleeps) = (_gate.Task, IsAsleep);
            }
            await gate.WaitAsync(sleeps ? CancellationToken.None : cancellation);
        }
    }

    async Task ParkAsync(bool sleeps, CancellationToken cancellation)
    {
        Task gate;
        lock (_lock)
        {
            _gate ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            IsAsleep |= sleeps;
            gate = _gate.Task;
            _parked.TrySetResult();
        }
        try
        {
            await gate.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            Wake();
            throw;
        }
        RequireAlive();
    }

    void Release()
    {
        IsAsleep = false;
        if (_gate is not { } gate) return;
        _gate = null;
        _parked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        gate.TrySetResult();
    }

    static Exception FailureOf(Place place) => place switch
    {
        < Place.FindServer => new IOException("the line broke"),
        < Place.PutObject => new CloudException(CloudFailure.Other, place.ToString(), "the cloud", "the line broke"),
        _ => new StoreException(StoreFailure.Transient, place.ToString(), "an object", "the line broke"),
    };
}
