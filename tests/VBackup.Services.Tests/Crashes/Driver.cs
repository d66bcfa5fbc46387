using VBackup.Platform.Databases;
using VBackup.Services.Tests.World;
using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Lets one after the other do something, in any order.</summary>
sealed class Driver(CrashWorld world, Play play)
{
    const int TurnsMax = 1500;
    // Longer than a lease.
    static readonly TimeSpan s_sleepMin = TimeSpan.FromSeconds(70);

    Random Random => world.Random;

    public async Task RunAsync()
    {
        play.Write();
        for (var turn = 0; turn < TurnsMax && !play.IsOver; turn++)
        {
            play.Turn();
            await TurnAsync();
        }
    }

    async Task TurnAsync()
    {
        switch (Random.Next(20))
        {
            case 0 or 1:
                await world.Portal.SendAsync();
                break;
            case 2:
                await world.Post.DeliverLateAsync(Random);
                break;
            case 3 or 4 or 5:
                await BackupPumpAsync();
                break;
            case 6 or 7 or 8:
                await SnapshotsPumpAsync();
                break;
            case 9 or 10:
                await SnapshotWorkAsync();
                break;
            case 11 or 12 or 13 or 14:
                await WorkAsync(world.Workers[Random.Next(world.Workers.Count)]);
                break;
            case 15:
                await ClockworkAsync();
                break;
            case 16:
                world.Guest.Write(Random);
                break;
            case 17:
                world.Pass(TimeSpan.FromSeconds(Random.Next(1, 10)));
                break;
            case 18:
                // Whoever waits for somebody to be given up waits long.
                var anybodyWaits = world.Workers.Exists(worker => worker.Life.IsParked);
                world.Pass(TimeSpan.FromSeconds(anybodyWaits ? Random.Next(10, 100) : Random.Next(1, 40)));
                break;
            default:
                await ReviveAsync();
                break;
        }
        await FollowWokenAsync();
        world.RequireBlameless();
    }

    async Task ReviveAsync()
    {
        var snapshots = world.Snapshots;
        if (snapshots is { Life.IsDead: true, Doing: { } doing }) await StepAsync(snapshots.Life, () => doing);
        world.ReviveServices();
    }

    public Task BackupPumpAsync() => StepAsync(world.Backup.Life, () => world.Backup.Pump.SendDueAsync(default));

    public Task SnapshotsPumpAsync() => StepAsync(world.Snapshots.Life, () => world.Snapshots.Pump.SendDueAsync(default));

    public Task ClockworkAsync() => StepAsync(world.Backup.Life, () => world.Backup.Clockwork.TurnAsync(default));

    public Task SurveyAsync() => StepAsync(world.Snapshots.Life, () => world.Snapshots.Survey.TurnAsync(default));

    /// <summary>One process does the steps of a region; what it is at, it goes on with.</summary>
    public async Task SnapshotWorkAsync()
    {
        var process = world.Snapshots;
        if (process.Life.IsDead) return;
        process.Life.Wake();
        var doing = process.Doing ??= process.Work.DoDueAsync(default);
        await Task.WhenAny(doing, process.Life.Parked);
        if (process.Life.IsParked) return;
        await StepAsync(process.Life, () => doing);
        process.Doing = null;
    }

    /// <returns>Whether there was something to do.</returns>
    public async Task<bool> WorkAsync(WorkerProcess worker)
    {
        if (worker.Life.IsParked && !Wakes(worker)) return false;
        worker.Doing ??= worker.Runner.RunOneAsync(default);
        return await FollowAsync(worker);
    }

    // Until it is done, dead, or waits at a call.
    async Task<bool> FollowAsync(WorkerProcess worker)
    {
        var doing = worker.Doing!;
        await Task.WhenAny(doing, worker.Life.Parked);
        worker.ParkedAt = null;
        if (worker.Life.IsParked)
        {
            worker.ParkedAt = world.Clock.GetUtcNow();
            return true;
        }
        await StepAsync(worker.Life, () => doing);
        if (worker.Life.IsDead)
        {
            play.SeeDeath(worker.Life.Holds);
            world.Replace(worker);
        }
        else worker.Doing = null;
        return !doing.IsCompletedSuccessfully || await doing;
    }

    // Who waited, and was told to stop, goes on by himself.
    async Task FollowWokenAsync()
    {
        foreach (var worker in world.Workers.ToList())
            if (worker is { Doing: not null, Life.IsParked: false }) await FollowAsync(worker);
    }

    // Who sleeps is left to sleep until its lease is over.
    bool Wakes(WorkerProcess worker)
    {
        var slept = world.Clock.GetUtcNow() - worker.ParkedAt!.Value;
        if (worker.Life.IsAsleep && (slept < s_sleepMin || Random.Next(4) > 0)) return false;
        world.Tell($"{worker.Life.Name} goes on after {slept.TotalSeconds:0} s");
        // A machine that stood still may or may not count that time.
        if (worker.Life.IsAsleep && Random.Next(2) == 0) worker.Clock.Advance(slept);
        worker.Life.Wake();
        return true;
    }

    /// <summary>Everybody who waits goes on, and whoever is dead comes back.</summary>
    public async Task WakeAllAsync()
    {
        await ReviveAsync();
        foreach (var worker in world.Workers.ToList())
        {
            if (worker.Life.IsParked) worker.Life.Wake();
            if (worker.Doing is not null) await FollowAsync(worker);
        }
    }

    // What was planned goes wrong; all else is a fault of ours.
    async Task StepAsync(Life life, Func<Task> step)
    {
        try
        {
            await step();
        }
        catch (Exception failure) when (IsPlanned(life, failure))
        {
            world.Tell(life.IsDead ? $"{life.Name} is dead" : $"{life.Name}: {failure.Message}");
        }
    }

    // Of a turn, each step that failed is told in the end; whoever is dead fails with all that are left.
    static bool IsPlanned(Life life, Exception failure) => failure is AggregateException several
        ? several.InnerExceptions.All(one => one is StepFailedException { InnerException: { } cause } && IsPlanned(life, cause))
        : failure is IOException or StoreException || failure is DiedException && life.IsDead;
}
