namespace VBackup.Vault.Tests.Simulation;

/// <summary>Who meets whom. Each is made so that actors come into each other's way.</summary>
internal enum Scene
{
    /// <summary>Anybody, doing anything.</summary>
    Any,

    /// <summary>A backup builds on one that is just done, and whose point is deleted at once.</summary>
    Chain,

    /// <summary>The same, while collectors take each other for dead.</summary>
    Expelling,

    /// <summary>Backups of what is garbage by now.</summary>
    Reuse,

    /// <summary>Restores of a point whose packs were rewritten, and are again.</summary>
    Reading,

    /// <summary>Copies of the same chunks in several packs, and collectors that choose among them.</summary>
    Copies,

    /// <summary>Verifications while others write, delete and collect.</summary>
    Verifying,
}

/// <summary>Which point an actor works on.</summary>
internal enum Choice
{
    Any,

    /// <summary>The same that others prefer.</summary>
    Favourite,

    /// <summary>The newest; the actor begins as soon as there is a new one.</summary>
    Newest,

    /// <summary>The oldest that nobody has deleted yet.</summary>
    Oldest,
}

/// <summary>What a backup holds: anything, what the chosen point holds, or what has become of that, built on it.</summary>
internal enum Writes { Anything, Same, Changes }

/// <summary>An actor's part.</summary>
internal sealed record Part(ActorKind Kind)
{
    public Choice On { get; init; }
    public Writes Writes { get; init; }

    /// <summary>What a backup holds, by letters; null for what <see cref="Writes"/> says.</summary>
    public int[]? Letters { get; init; }

    public int Rounds { get; init; } = 1;
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromMinutes(10);
    public TimeSpan CollectorTimeout { get; init; } = TimeSpan.FromDays(1);

    /// <summary>What befalls its first write below a prefix; null for what fate decides.</summary>
    public (string Prefix, Fault Fault)? Fails { get; init; }
}

/// <summary>The parts of a scene, from a seed.</summary>
internal static class Scenes
{
    private static readonly TimeSpan[] s_patience = [TimeSpan.Zero, TimeSpan.FromSeconds(50), TimeSpan.FromMinutes(10),
        TimeSpan.FromMinutes(10)];

    public static List<Part> Cast(Scene scene, Random random)
    {
        List<Part> parts = [];
        switch (scene)
        {
            case Scene.Any:
                Add(random.Next(4), Writer());
                Add(random.Next(2), new(ActorKind.Reader) { On = PointOf() });
                parts.Add(new(ActorKind.Deleter) { On = PointOf(), Rounds = 2 });
                Add(random.Next(1, 3), Collector() with { Rounds = random.Next(1, 3) });
                break;
            case Scene.Chain or Scene.Expelling:
                parts.Add(Writer());
                parts.Add(new(ActorKind.Writer) { On = Choice.Newest, Writes = Writes.Changes });
                parts.Add(new(ActorKind.Deleter) { On = Choice.Newest });
                Add(random.Next(1, 3), scene == Scene.Chain ? Collector() : Collector() with { CollectorTimeout = TimeSpan.Zero });
                if (scene == Scene.Expelling) parts.Add(Collector() with { CollectorTimeout = TimeSpan.Zero });
                break;
            case Scene.Reuse:
                Add(random.Next(1, 3), new(ActorKind.Writer) { On = PointOf(), Writes = Writes.Same });
                if (random.Next(2) == 0) parts.Add(new(ActorKind.Deleter) { On = Choice.Favourite });
                Add(random.Next(1, 3), Collector());
                break;
            case Scene.Reading:
                Add(random.Next(1, 3), new(ActorKind.Reader) { On = Choice.Favourite });
                if (random.Next(2) == 0) parts.Add(new(ActorKind.Deleter) { On = PointOf(), Rounds = 2 });
                if (random.Next(2) == 0) parts.Add(Writer());
                Add(random.Next(1, 4), Collector());
                break;
            case Scene.Verifying:
                Add(random.Next(1, 3), new(ActorKind.Verifier));
                Add(random.Next(2), Writer());
                if (random.Next(3) > 0) parts.Add(new(ActorKind.Deleter) { On = PointOf(), Rounds = 2 });
                Add(random.Next(1, 4), Collector());
                break;
            default:
                Add(random.Next(1, 3), Writer());
                if (random.Next(2) == 0) parts.Add(new(ActorKind.Deleter) { On = PointOf() });
                Add(random.Next(2, 4), random.Next(3) == 0 ? Collector() with { CollectorTimeout = TimeSpan.Zero } : Collector());
                break;
        }
        return parts;

        void Add(int count, Part part)
        {
            for (var i = 0; i < count; i++)
                parts.Add(part.Kind == ActorKind.Collector ? part with { SessionTimeout = s_patience[random.Next(s_patience.Length)] }
                    : part);
        }

        Choice PointOf() => random.Next(3) == 0 ? Choice.Any : Choice.Favourite;

        Part Writer() => new(ActorKind.Writer) { On = PointOf(), Writes = (Writes)random.Next(3), Rounds = random.Next(1, 3) };

        Part Collector() => new(ActorKind.Collector) { SessionTimeout = s_patience[random.Next(s_patience.Length)] };
    }
}
