using VBackup.Primitives;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What the actors of a simulation do, and what each of them checks itself.</summary>
internal sealed class Cast(SimulatedWorld world, Func<SimulatedWorld, Actor, StoreView> viewOf)
{
    private readonly int _favourite = world.Scheduler.Random.Next(3);

    private Random Random => world.Scheduler.Random;

    public void Add(Part part, Action<Scheduler, Actor> decideFate)
    {
        var actor = new Actor(part.Kind, $"{part.Kind.ToString().ToLowerInvariant()} {world.Scheduler.Actors.Count()}");
        var store = new SimulatedStore(world, actor, viewOf(world, actor));
        var vault = world.Vault(store);
        decideFate(world.Scheduler, actor);
        if (part.Fails is var (prefix, fault)) (actor.FailsAt, actor.FailsOn, actor.Fault) = (0, prefix, fault);
        if (part.On == Choice.Newest)
        {
            var known = world.Truth.Points.Count();
            actor.StartsWhen = () => world.Truth.Points.Count() > known;
        }
        world.Scheduler.Add(actor, async () =>
        {
            for (var round = 0; round < part.Rounds; round++)
            {
                await (part.Kind switch
                {
                    ActorKind.Writer => WriteAsync(actor, vault, part),
                    ActorKind.Reader => ReadAsync(actor, vault, part),
                    ActorKind.Deleter => DeleteAsync(vault, part),
                    ActorKind.Repairer => RepairAsync(actor, vault),
                    ActorKind.Verifier => VerifyAsync(actor, vault),
                    _ => CollectAsync(actor, vault, part),
                });
            }
        });
    }

    private KnownPoint? Pick(Choice on)
    {
        var known = world.Truth.Points.ToList();
        if (known.Count == 0) return null;
        return on switch
        {
            Choice.Newest => known[^1],
            Choice.Oldest => known.Find(point => !point.WasDeleted) ?? known[0],
            Choice.Favourite => known[_favourite % known.Count],
            _ => known[Random.Next(known.Count)],
        };
    }

    private async Task WriteAsync(Actor actor, TestVault vault, Part part)
    {
        var known = Pick(part.On);
        var basePoint = part.Writes == Writes.Changes ? known : null;
        var (content, changed) = part.Letters is not null ? (Volumes.Of(part.Letters), [])
            : known is null || part.Writes == Writes.Anything ? (Volumes.Any(Random), [])
            : part.Writes == Writes.Same ? (known.Content, []) : Volumes.Change(Random, known.Content);
        actor.Publishing = content;
        try
        {
            var point = await vault.BackUpAsync(content, basePoint?.Document, Random.Next(2) == 0 ? changed : []);
            world.Truth.Promise(point);
        }
        catch (SessionRevokedException)
        {
            ExpectRevoked(actor, "says that it was revoked");
        }
        catch (DamageException damage)
        {
            throw new SimulationFailure($"{actor.Name} found damage where there is none: {damage.Message}", damage);
        }
        catch (StoreException failure)
        {
            ExpectFaulted(actor, failure);
        }
    }

    private async Task ReadAsync(Actor actor, TestVault vault, Part part)
    {
        if (Pick(part.On) is not { } point) return;
        try
        {
            await using var session = await PointReading.BeginAsync(vault.Vault, "restore", point.Document, default);
            var target = MemoryVolume.Blank(point.Content.Length);
            var tree = VolumeTree.Open(session.Reader, point.Document, point.Document.Volumes[0]);
            await new DataPath.ImportPipeline(session.Reader, vault.Vault.ChunkSize, vault.Options)
                .ImportAsync(tree, target, new(), null, default);
            if (!target.Content.AsSpan().SequenceEqual(point.Content))
                throw new SimulationFailure($"{actor.Name} restored something else than was backed up");
        }
        catch (UnusableVaultException)
        {
            if (world.Truth.IsValid(point)) throw new SimulationFailure($"{actor.Name} was told that a valid point is gone");
        }
        catch (SessionRevokedException)
        {
            ExpectRevoked(actor, "says that it was revoked");
        }
        catch (DamageException damage)
        {
            throw new SimulationFailure($"{actor.Name} found damage where there is none: {damage.Message}", damage);
        }
        catch (StoreException failure)
        {
            ExpectFaulted(actor, failure);
        }
    }

    private async Task VerifyAsync(Actor actor, TestVault vault)
    {
        try
        {
            var result = await Verifier.RunAsync(vault.Vault, allData: Random.Next(2) == 0, null, default);
            if (result.IsSound) return;
            var found = string.Join("; ", result.Damages.Select(damage => $"{damage.ObjectName}: {damage.Reason}"));
            throw new SimulationFailure($"{actor.Name} found damage where there is none: {found}");
        }
        catch (SessionRevokedException)
        {
            ExpectRevoked(actor, "says that it was revoked");
        }
        catch (DamageException damage)
        {
            throw new SimulationFailure($"{actor.Name} found damage where there is none: {damage.Message}", damage);
        }
        catch (StoreException failure)
        {
            ExpectFaulted(actor, failure);
        }
    }

    private async Task DeleteAsync(TestVault vault, Part part)
    {
        if (Pick(part.On) is not { WasDeleted: false } point) return;
        // From here on nobody may count on it.
        point.WasDeleted = true;
        try
        {
            await vault.DeleteAsync(point.Document);
        }
        catch (StoreException)
        {
            // A fault of the simulation: it may be deleted or not.
        }
    }

    private async Task CollectAsync(Actor actor, TestVault vault, Part part)
    {
        var options = new CollectorOptions
        {
            SessionTimeout = part.SessionTimeout,
            CollectorTimeout = part.CollectorTimeout,
            FilterSalt = (ulong)Random.NextInt64(),
        };
        try
        {
            await vault.CollectAsync(options);
        }
        catch (CollectorExpelledException)
        {
            if (world.Exists(actor.Registered)) throw new SimulationFailure($"{actor.Name} says that it was expelled, and was not");
        }
        catch (DamageException damage)
        {
            throw new SimulationFailure($"{actor.Name} found damage where there is none: {damage.Message}", damage);
        }
        catch (StoreException failure)
        {
            ExpectFaulted(actor, failure);
        }
    }

    private async Task RepairAsync(Actor actor, TestVault vault)
    {
        try
        {
            await Repairer.RunAsync(vault.Vault, world.Sources(), null, default);
        }
        catch (SessionRevokedException)
        {
            ExpectRevoked(actor, "says that it was revoked");
        }
        catch (StoreException failure)
        {
            ExpectFaulted(actor, failure);
        }
    }

    private void ExpectRevoked(Actor actor, string says)
    {
        if (!WasRevoked(actor))
            throw new SimulationFailure($"{actor.Name} {says}, and its session was not revoked");
    }

    private bool WasRevoked(Actor actor) => ObjectNames.TryParseSession(actor.Registered, out var session, out _)
        && (world.Exists(ObjectNames.Revoked(session)) || !world.Exists(ObjectNames.Session(session)));

    private void ExpectFaulted(Actor actor, StoreException failure)
    {
        // What a revoked session has not finished uploading may be discarded.
        if (!actor.WasFaulted && !WasRevoked(actor))
            throw new SimulationFailure($"{actor.Name} failed without a fault: {failure.Message}", failure);
    }
}
