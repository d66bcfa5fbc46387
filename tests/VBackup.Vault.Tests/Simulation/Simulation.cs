using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>
/// One world from a seed: some history, then everybody at once, then a clean collection. Throws a
/// <see cref="SimulationFailure"/> as soon as something holds that must not.
/// </summary>
internal sealed class Simulation
{
    /// <summary>A little more than a collector aims at, which counts headers and footers too.</summary>
    private const double WasteMax = 0.17;

    private static readonly Scene[] s_scenes = Enum.GetValues<Scene>();

    private readonly SimulatedWorld _world;
    private readonly Scene _scene;
    private readonly Story? _story;
    private readonly Cast _cast;

    /// <param name="story">Null: any, or none, from the seed.</param>
    /// <param name="viewOf">Makes actors break a rule.</param>
    public Simulation(int seed, Story? story = null, Func<SimulatedWorld, Actor, StoreView>? viewOf = null)
    {
        _world = new(seed);
        _scene = s_scenes[Random.Next(s_scenes.Length)];
        _story = story ?? (Random.Next(2) == 0 ? Stories.All[Random.Next(Stories.All.Length)] : null);
        _cast = new(_world, viewOf ?? ((world, actor) => new(world, actor)));
    }

    public Scheduler Scheduler => _world.Scheduler;
    private Random Random => Scheduler.Random;

    public void Run()
    {
        var before = SynchronizationContext.Current;
        // With a context, continuations would be posted to it instead of running inline.
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            SimulatedWorld.Now(_story?.History is { } history ? history(_world) : MakeHistoryAsync());
            Act();
            SimulatedWorld.Now(CleanUpAsync());
        }
        catch (Exception failure) when (failure is not SimulationFailure)
        {
            throw new SimulationFailure($"something unforeseen: {failure}", failure);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Backups, deletions and perhaps a collection from before, one after the other.</summary>
    private async Task MakeHistoryAsync()
    {
        var vault = _world.Vault(new DirectStore(_world));
        for (var left = Random.Next(1, 3); left > 0; left--) await BackUpAsync(vault);
        await DeleteSomeAsync(vault);
        var wasRewritten = _scene is Scene.Reading or Scene.Verifying || _scene is Scene.Copies && Random.Next(2) == 0;
        if (!wasRewritten) return;
        await BackUpAsync(vault);
        await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, FilterSalt = (ulong)Random.NextInt64() });
        await BackUpAsync(vault);
        await DeleteSomeAsync(vault);
    }

    private async Task BackUpAsync(TestVault vault)
    {
        var known = _world.Truth.ValidPoints.ToList();
        var basePoint = known.Count > 0 && Random.Next(2) == 0 ? known[^1] : null;
        var content = basePoint is null ? Volumes.Any(Random)
            // An incremental looks for known chunks in its base alone, so another volume's are stored once more.
            : _scene == Scene.Copies ? Volumes.Fit(known[Random.Next(known.Count)].Content, basePoint.Content)
            : Volumes.Change(Random, basePoint.Content).Content;
        _world.Truth.ExpectNext(content);
        _world.Truth.Promise(await vault.BackUpAsync(content, basePoint?.Document));
    }

    private async Task DeleteSomeAsync(TestVault vault)
    {
        foreach (var point in _world.Truth.ValidPoints.ToList())
        {
            if (Random.Next(5) > 1) continue;
            point.WasDeleted = true;
            await vault.DeleteAsync(point.Document);
        }
    }

    private void Act()
    {
        Scheduler.AfterActor = actor =>
        {
            if (actor.Run.IsFaulted) throw actor.Run.Exception!.InnerException is SimulationFailure known
                ? known : new SimulationFailure($"{actor.Name} failed: {actor.Run.Exception.InnerException}", actor.Run.Exception);
        };
        if (_story is null)
        {
            foreach (var part in Scenes.Cast(_scene, Random)) _cast.Add(part, Fate.Decide);
        }
        else
        {
            // Mostly as it is written; now and then something else happens in the midst of it.
            var isDisturbed = Random.Next(4) == 0;
            foreach (var part in _story.Cast()) _cast.Add(part, isDisturbed ? Fate.Decide : Fate.Rank);
            foreach (var turn in _story.Turns())
                if (!isDisturbed || Random.Next(4) > 0) Scheduler.Plot.Enqueue(turn);
        }
        Scheduler.RunAll();
        _world.Truth.CheckAll();
        // Only now, as worse may have come of it.
        if (_world.Truth.Unindexed is { } unindexed) throw new SimulationFailure(unindexed);
    }

    private async Task CleanUpAsync()
    {
        var vault = _world.Vault(new DirectStore(_world));
        if (_world.Truth.HasLost) await Repairer.RunAsync(vault.Vault, _world.Sources(), null, default);
        // The first finishes what others left half done; a later one has nothing but its own copies to judge.
        string? left = null;
        for (var round = 0; round < 4 && (round < 2 || left is not null); round++)
        {
            Scheduler.Clock.Advance(TimeSpan.FromDays(2));
            await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, FilterSalt = (ulong)Random.NextInt64() });
            left = WhatIsLeft();
        }
        if (left is not null) throw new SimulationFailure(left);
        foreach (var point in _world.Truth.ValidPoints) _world.Truth.Restore(point);

        var content = Volumes.Any(Random);
        var basePoint = _world.Truth.ValidPoints.FirstOrDefault(point => point.Content.Length == content.Length);
        _world.Truth.ExpectNext(content);
        var made = await vault.BackUpAsync(content, basePoint?.Document);
        _world.Truth.Promise(made);
        _world.Truth.Restore(_world.Truth.Find(made));
    }

    /// <summary>What a vault at rest should not hold; null when there is no such thing.</summary>
    private string? WhatIsLeft()
    {
        HashSet<string> allowed = [.. _world.Truth.ValidPoints.Select(point => ObjectNames.Points + point.Document.Id)];
        foreach (var name in _world.Names(""))
        {
            if (name.StartsWith(ObjectNames.Packs, StringComparison.Ordinal)
                || name.StartsWith(ObjectNames.Indexes, StringComparison.Ordinal)
                || allowed.Contains(name)) continue;
            // A session that was decided and never ended stays, because its writer may wake up.
            if (ObjectNames.TryParseSession(name, out var session, out _)
                && _world.Exists(ObjectNames.Decision(session)) && !_world.Exists(ObjectNames.Ended(session))) continue;
            return $"{name} is left over";
        }
        return _world.Unfinished().Count > 0 ? "an unfinished object is left over" : Waste();
    }

    private string? Waste()
    {
        var needed = _world.Truth.ValidPoints.SelectMany(point => point.Needs!).ToHashSet();
        long dead = 0, all = 0;
        HashSet<ContentId> held = [];
        // Of several copies, collectors keep the one in the pack with the least id.
        foreach (var (pack, contents) in _world.Truth.Packs.OrderBy(pack => pack.Key.Value))
        {
            var live = contents.Where(entry => needed.Contains(entry.Key) && held.Add(entry.Key)).Sum(entry => entry.Value);
            if (live == 0) return $"pack {pack} holds nothing that is needed";
            all += contents.Values.Sum();
            dead += contents.Values.Sum() - live;
        }
        return !needed.IsSubsetOf(held) ? "something needed is held nowhere"
            : dead > all * WasteMax ? $"{dead} of {all} bytes are waste" : null;
    }
}
