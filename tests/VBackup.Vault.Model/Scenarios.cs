namespace VBackup.Vault.Model;

/// <summary>
/// The scenarios. Chunks are A = 1, C = 2, X = 4, N = 8. Pack 0 and index object 0 are there from the start, and so is
/// point 0, whose base tree needs A.
/// </summary>
static class Scenarios
{
    const int A = 1;
    const int C = 2;
    const int X = 4;
    const int N = 8;

    const CollectorTasks Simple = CollectorTasks.RemoveEnded;

    static Guess[] Packs(params int[] masks) => [.. masks.Select(mask => new Guess(mask))];

    static bool IsTidy(in World world) =>
        world.Registered == 0 && world.Condemnations == 0 && (world.Packs & 1) == 0 && (world.Deleted & 1) != 0
        && world.SessionsWith(SessionBits.Present) == 0 && world.Succeeded != 0;

    static Scenario Old(string name, Rule broken, int packZero = A) =>
        new Scenario(name, broken).Pack(0, packZero).Index(0, 1).OldPoint(0, A);

    /// <summary>An incremental backup, a deleter, and two collectors who may both revoke it.</summary>
    public static Scenario Revocation(Rule broken) => Old("revocation", broken)
        .PointOfSession(1, session: 0, need: A | C).Base(0, 0)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, Simple) { Guesses = Packs(0b01, 0b11), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b01, 0b10), Revokes = 0b01 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("all is tidy", world => IsTidy(in world))
        .Goal("the writer succeeds", world => (world.Succeeded & 1) != 0)
        .Goal("a revoked writer's point does not count", world => world.Has(0, SessionBits.Ended | SessionBits.Decided)
            && !world.Has(0, SessionBits.Named));

    /// <summary>A deduplicating backup, a deleter and two collectors.</summary>
    public static Scenario Reuse(Rule broken) => Old("reuse", broken)
        .PointOfSession(1, session: 0, need: A | C)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, Simple) { Guesses = Packs(0b01, 0b10), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("all is tidy", world => IsTidy(in world))
        .Goal("the writer succeeds", world => (world.Succeeded & 1) != 0)
        .Goal("pack 0 is reused", world => (world.Succeeded & 1) != 0 && (world.Packs & 1) != 0 && (world.Deleted & 1) != 0);

    /// <summary>Pack 0 is worth rewriting, pack 1 holds a copy of its live chunk; two collectors rewrite and a backup reuses.</summary>
    public static Scenario Rewriting(Rule broken) => Old("rewriting", broken, A | X).Pack(1, A).Index(1, 2)
        .PointOfSession(1, session: 0, need: A)
        .With(new Writer("writer", broken, session: 0, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, CollectorTasks.Copy)
        {
            Guesses = [new(0b01, A), new(0b10), new(0b01)], CopyPack = 3, CopyIndex = 3,
        })
        .With(new Collector("second", broken, 1, CollectorTasks.Copy)
        {
            Guesses = [new(0b01, A), new(0b10), new(0b11)], CopyPack = 4, CopyIndex = 4, Revokes = 0b01,
        })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("both old packs go", world => (world.Packs & 0b11) == 0 && (world.Points & 1) != 0)
        .Goal("its condemnation is gone with the pack", world => (world.Packs & 1) == 0 && world.Condemnations == 0);

    /// <summary>
    /// A backup builds on a backup that is still at work. One collector, which has condemned pack 0 already, collects;
    /// another only decides.
    /// </summary>
    public static Scenario Chain(Rule broken) => Old("chain of bases", broken)
        .Registered(0).Registered(1).Condemnation(0, 0b01)
        .PointOfSession(1, session: 0, need: A).Base(0, 0)
        .PointOfSession(2, session: 1, need: A | C).Base(1, 1)
        .With(new Writer("first writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true))
        .With(new Writer("second writer", broken, session: 1, pack: 2, index: 2, reuses: false, based: true))
        .With(new Deleter("deleter", 0b011))
        .With(new Collector("collector", broken, 0, Simple)
        {
            StartsAt = Step.ListSessionsToWait, Revokes = 0b01,
        })
        .With(new Collector("decider", broken, 1, CollectorTasks.OnlyDecide)
        {
            StartsAt = Step.ListSessionsToWait, Revokes = 0b01,
        })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("all is tidy", world => IsTidy(in world))
        .Goal("the second writer succeeds", world => (world.Succeeded & 2) != 0);

    /// <summary>
    /// The chain of bases, begun later: the first backup has still to put its point, its base has been deleted, and the
    /// collector, which had listed the sessions before, is about to mark.
    /// </summary>
    public static Scenario LateDecision(Rule broken) => new Scenario("late decision", broken)
        .Pack(0, A).Index(0, 1).NeedOfDeleted(0, A)
        .Registered(0).Registered(1).Condemnation(0, 0b01)
        .Session(0, SessionBits.Present | SessionBits.Based)
        .PointOfSession(1, session: 0, need: A).Base(0, 0)
        .PointOfSession(2, session: 1, need: A | C).Base(1, 1)
        .With(new Writer("first writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true)
        {
            StartsAt = Step.PutPoint,
        })
        .With(new Writer("second writer", broken, session: 1, pack: 2, index: 2, reuses: false, based: true))
        .With(new Deleter("deleter", 0b010))
        .With(new Collector("collector", broken, 0, Simple) { StartsAt = Step.ListPoints })
        .With(new Collector("decider", broken, 1, CollectorTasks.OnlyDecide)
        {
            StartsAt = Step.ListSessionsToWait, Revokes = 0b01,
        })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("the first writer succeeds", world => (world.Succeeded & 1) != 0)
        .Goal("the second writer succeeds", world => (world.Succeeded & 2) != 0);

    /// <summary>A backup whose put of its point may be sent and never confirmed.</summary>
    public static Scenario DoubtfulPut(Rule broken) => Old("doubtful put", broken)
        .PointOfSession(1, session: 0, need: A | C).Base(0, 0)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true) { PutsInDoubt = true })
        .With(new Deleter("deleter", 0b11))
        .With(new Collector("first", broken, 0, Simple) { Guesses = Packs(0b11), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("the writer succeeds", world => (world.Succeeded & 1) != 0);

    /// <summary>A backup whose put of its point is in doubt; a process that goes on with it settles that, and publishes.</summary>
    public static Scenario Resumed(Rule broken) => Old("resumed", broken)
        .PointOfSession(1, session: 0, need: A | C).SecondPointOfSession(2, session: 0).Base(0, 0)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true) { PutsInDoubt = true,
            Resumes = true })
        .With(new Deleter("deleter", 0b111))
        .With(new Collector("first", broken, 0, Simple) { Guesses = Packs(0b11), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("the point had arrived", world => (world.Succeeded & 1) != 0)
        .Goal("the point takes another name", world => (world.Succeeded & 0x10) != 0)
        .Goal("a point that arrived is left out, and so is the session", world => world.Has(0, SessionBits.Ended | SessionBits.Decided)
            && !world.Has(0, SessionBits.Named) && !world.Has(0, SessionBits.SecondNamed) && (world.Succeeded & 0x11) == 0);

    /// <summary>A collector that was expelled wakes up. Its registration may have been put twice, if that rule is broken.</summary>
    public static Scenario Expelled(Rule broken)
    {
        var scenario = Old("expelled", broken)
            .PointOfSession(1, session: 0, need: A | C).Base(0, 0)
            .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true))
            .With(new Deleter("deleter", 0b01))
            .With(new Collector("sleeper", broken, 0, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
            .With(new Collector("successor", broken, 1, Simple)
            {
                Guesses = Packs(0b00, 0b01), Revokes = 0b01, TakesForDead = 0b01,
            })
            .With(new Expeller("expeller", 0));
        return (broken & Rule.DoubtfulRegistrationIsGivenUp) == 0 ? scenario
            : scenario.With(new LateRegistration("network", 0, place: 2))
            .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
            .Goal("the writer succeeds", world => (world.Succeeded & 1) != 0)
            .Goal("all is tidy", world => IsTidy(in world));
    }

    /// <summary>Two copies; a collector dies with a pack condemned, its successor expels it and rewrites; deletes may be late.</summary>
    public static Scenario DeadCollector(Rule broken) => Old("dead collector", broken).Pack(1, A).Index(1, 2)
        .PointOfSession(1, session: 0, need: A)
        .With(new Writer("writer", broken, session: 0, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("dead", broken, 0, CollectorTasks.None) { Guesses = Packs(0b01), DeletesInDoubt = true })
        .With(new Collector("successor", broken, 1, CollectorTasks.Copy | CollectorTasks.Tidy)
        {
            Guesses = [new(0b10), new(0b01, A), new(0b11, A), new(0)], CopyPack = 3, CopyIndex = 3,
        })
        .With(new Expeller("expeller", 0))
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("its condemnation is gone with the pack", world => (world.Packs & 1) == 0 && world.Condemnations == 0)
        .Goal("pack 1 goes instead", world => (world.Packs & 0b11) == 0b01 && (world.Points & 1) != 0);

    /// <summary>Two collectors merge the index, one of them collects; a backup reuses and adds.</summary>
    public static Scenario Consolidation(Rule broken) => Old("consolidation", broken).Pack(1, A | X).Index(1, 2)
        .PointOfSession(1, session: 0, need: A | C)
        .With(new Writer("writer", broken, session: 0, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, CollectorTasks.Consolidate) { Guesses = Packs(0b00, 0b01, 0b10), MergedIndex = 3 })
        .With(new Collector("second", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 4 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("the index is merged", world => world.Index == 1 << 3)
        .Goal("the index is merged", world => world.Index == 1 << 4);

    /// <summary>A restore, while one collector rewrites and merges, and another merges.</summary>
    public static Scenario Reading(Rule broken) => Old("reading", broken).Base(0, 0)
        .With(new Reader("reader", broken, session: 0, point: 0, chunk: A, hint: 0))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("rewriter", broken, 0, CollectorTasks.Copy | CollectorTasks.Consolidate)
        {
            Guesses = [new(0b01, A), new(0b01)], CopyPack = 1, CopyIndex = 1, MergedIndex = 2, Revokes = 0b01,
        })
        .With(new Collector("second", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 3 })
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("the reader ends", world => world.Has(0, SessionBits.Ended));

    /// <summary>The same with one more collector that merges.</summary>
    public static Scenario ReadingAmongThree(Rule broken) => Reading(broken).Named("reading among three")
        .With(new Collector("third", broken, 2, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 4 });

    /// <summary>A pack's entries lie in one index object, or, if that rule is broken, in two.</summary>
    public static Scenario Splitting(Rule broken)
    {
        var scenario = new Scenario("splitting", broken).Pack(0, A | C).OldPoint(0, A);
        scenario = (broken & Rule.EntriesOfAPackStayTogether) == 0
            ? scenario.Index(0, 1).Index(1, 1)
            : scenario.Entry(0, 0, A).Entry(1, 0, C).Index(0, 1).Index(1, 2);
        return scenario
            .With(new Deleter("deleter", 0b0))
            .With(new Collector("first", broken, 0, CollectorTasks.Consolidate) { Guesses = Packs(0b01), MergedIndex = 3 })
            .With(new Collector("second", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 4 })
            .Goal("the index is merged", world => world.Index == 1 << 3)
            .Goal("the index is merged", world => world.Index == 1 << 4);
    }

    /// <summary>Trees are walked by what the index shows, while another collector merges it.</summary>
    public static Scenario Walking(Rule broken)
    {
        var scenario = new Scenario("walking", broken) { Nodes = N };
        return scenario.Pack(0, A).Pack(1, N).Index(0, 1).Index(1, 2).OldPoint(0, A | N)
            .PointOfSession(1, session: 0, need: A | N | C).Base(0, 0)
            .With(new Writer("writer", broken, session: 0, pack: 2, index: 2, reuses: false, based: true))
            .With(new Deleter("deleter", 0b01))
            .With(new Collector("collector", broken, 0, CollectorTasks.Walk) { Guesses = Packs(0b01), Revokes = 0b01 })
            .With(new Collector("merger", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 3 })
            .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
            .Goal("the writer succeeds", world => (world.Succeeded & 1) != 0);
    }

    /// <summary>Pack 0's chunk is damaged; a repair stores it anew while a collector sees two copies.</summary>
    public static Scenario RepairingPacks(Rule broken)
    {
        var scenario = new Scenario("repairing packs", broken) { LostUntilRepair = A };
        return scenario.Pack(0, A | C, damaged: A).Index(0, 1).OldPoint(0, A | C)
            .PointOfSession(1, session: 1, need: A | C)
            .With(new Repair("repair", broken, session: 0, condemnation: 2, mendsIndex: false, mendsPacks: true)
            {
                DamagedPacks = 0b01, LostChunks = A, NewPack = 1, NewIndex = 1,
            })
            .With(new Deleter("deleter", 0b01))
            .With(new Collector("first", broken, 0, CollectorTasks.Copy | CollectorTasks.Tidy)
            {
                Guesses = [new(0b10), new(0b01, C)], CopyPack = 3, CopyIndex = 3, Revokes = 0b01,
            })
            .With(new Collector("second", broken, 1, CollectorTasks.Tidy) { Guesses = Packs(0b10, 0b01) })
            .Goal("the damaged pack goes", world => (world.Packs & 1) == 0 && (world.Points & 1) != 0)
            .Goal("its condemnation is gone with the pack", world => (world.Packs & 1) == 0 && world.Condemnations == 0);
    }

    /// <summary>Index object 0 is unreadable; a repair rebuilds it while others merge, collect and back up.</summary>
    public static Scenario RepairingIndex(Rule broken)
    {
        var scenario = new Scenario("repairing the index", broken) { LostUntilRepair = A, UnreadableIndex = 0b01 };
        return scenario.Pack(0, A).Pack(1, X).Index(0, 1).Index(1, 2).OldPoint(0, A)
            .PointOfSession(1, session: 1, need: A | C)
            .With(new Repair("repair", broken, session: 0, condemnation: 2, mendsIndex: true, mendsPacks: false)
            {
                RebuiltIndex = 3,
            })
            .With(new Writer("writer", broken, session: 1, pack: 2, index: 2))
            .With(new Deleter("deleter", 0b01))
            .With(new Collector("collector", broken, 0, CollectorTasks.Consolidate)
            {
                Guesses = Packs(0b01, 0b10), MergedIndex = 4, Revokes = 0b01,
            })
            .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
            .Goal("the index is whole again", world => (world.Index & 1) == 0 && (world.Points & 1) != 0
                && (world.Succeeded & World.RepairFinished) != 0);
    }

    /// <summary>Restores and both kinds of backup, while a collector does everything and may be expelled.</summary>
    public static Scenario Everyday(Rule broken) => Old("everyday", broken, A | X).Base(0, 0)
        .PointOfSession(1, session: 1, need: A | C).Base(1, 0)
        .PointOfSession(2, session: 2, need: A)
        .With(new Reader("reader", broken, session: 0, point: 0, chunk: A, hint: 0))
        .With(new Writer("incremental", broken, session: 1, pack: 1, index: 1, reuses: false, based: true))
        .With(new Writer("full", broken, session: 2, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b001))
        .With(new Collector("collector", broken, 0, CollectorTasks.Copy | CollectorTasks.Consolidate)
        {
            Guesses = [new(0b01, A), new(0b01)], CopyPack = 3, CopyIndex = 3, MergedIndex = 4, Revokes = 0b001,
        })
        .With(new Expeller("expeller", 0))
        .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
        .Goal("everybody ends well", world => world.Has(0, SessionBits.Ended) && (world.Succeeded & 0b110) == 0b110
            && world.Registered == 0);

    /// <summary>Pack 0's chunk C is damaged; a repair, a restore, a backup and a collector that may be expelled.</summary>
    public static Scenario EverydayRepair(Rule broken)
    {
        var scenario = new Scenario("everyday repair", broken) { LostUntilRepair = C };
        return scenario.Pack(0, A | C, damaged: C).Index(0, 1).OldPoint(0, A | C).Base(0, 0)
            .PointOfSession(1, session: 1, need: A | X).Base(1, 0)
            .With(new Reader("reader", broken, session: 0, point: 0, chunk: A, hint: 0))
            .With(new Writer("incremental", broken, session: 1, pack: 2, index: 2, reuses: true, based: true))
            .With(new Repair("repair", broken, session: 2, condemnation: 2, mendsIndex: false, mendsPacks: true)
            {
                DamagedPacks = 0b01, LostChunks = C, NewPack = 1, NewIndex = 1,
            })
            .With(new Deleter("deleter", 0b001))
            .With(new Collector("collector", broken, 0, CollectorTasks.Copy | CollectorTasks.Consolidate | CollectorTasks.Tidy)
            {
                Guesses = [new(0b01, A), new(0b10)], CopyPack = 3, CopyIndex = 3, MergedIndex = 4, Revokes = 0b001,
            })
            .With(new Expeller("expeller", 0))
            .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0)
            .Goal("everybody ends well", world => world.Has(0, SessionBits.Ended) && (world.Succeeded & 0b010) != 0
                && world.Registered == 0 && (world.Packs & 1) == 0);
    }

    /// <summary>A restore whose pack was rewritten long ago, while two collectors merge the index.</summary>
    public static Scenario ReadingAmongMerges(Rule broken) => new Scenario("reading among merges", broken)
        .Pack(0, A, present: false).Pack(1, A).Index(1, 0b10).OldPoint(0, A).Base(0, 0)
        .With(new Reader("reader", broken, session: 0, point: 0, chunk: A, hint: 0))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, CollectorTasks.Consolidate) { Guesses = Packs(0b00, 0b10), MergedIndex = 3 })
        .With(new Collector("second", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 4 })
        .Goal("the reader ends", world => world.Has(0, SessionBits.Ended))
        .Goal("the index is merged", world => world.Index == 1 << 3);

    /// <summary>A restore while its chunk is rewritten twice: both collectors had condemned before it began.</summary>
    public static Scenario ReadingAmongRewrites(Rule broken) => new Scenario("reading among rewrites", broken)
        .Pack(0, A).Pack(1, A).Pack(2, A).Index(0, 0b001).Index(1, 0b010).Index(2, 0b100).OldPoint(0, A).Base(0, 0)
        .Registered(0).Registered(1).Condemnation(0, 0b001).Condemnation(1, 0b010)
        .With(new Reader("reader", broken, session: 0, point: 0, chunk: A, hint: 0))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, CollectorTasks.Consolidate)
        {
            StartsAt = Step.ListSessionsToWait, MergedIndex = 3, Revokes = 0b01,
        })
        .With(new Collector("second", broken, 1, CollectorTasks.Consolidate)
        {
            StartsAt = Step.ListSessionsToWait, MergedIndex = 4, Revokes = 0b01,
        })
        .Goal("both packs go", world => (world.Packs & 0b011) == 0 && (world.Points & 1) != 0 && world.Has(0, SessionBits.Ended));

    /// <summary>Two repairs of one pack and a backup.</summary>
    public static Scenario TwoRepairs(Rule broken)
    {
        var scenario = new Scenario("two repairs", broken) { LostUntilRepair = C };
        return scenario.Pack(0, A | C, damaged: C).Index(0, 1).OldPoint(0, A | C)
            .PointOfSession(1, session: 1, need: A)
            .With(new Writer("full", broken, session: 1, pack: 3, index: 3))
            .With(new Repair("first repair", broken, session: 0, condemnation: 2, mendsIndex: false, mendsPacks: true)
            {
                DamagedPacks = 0b01, LostChunks = C, NewPack = 1, NewIndex = 1,
            })
            .With(new Repair("second repair", broken, session: 2, condemnation: 3, mendsIndex: false, mendsPacks: true)
            {
                DamagedPacks = 0b01, LostChunks = C, NewPack = 2, NewIndex = 2,
            })
            .With(new Collector("collector", broken, 0, CollectorTasks.Copy | CollectorTasks.Tidy)
            {
                Guesses = [new(0b01, A), new(0b10), new(0b110)], CopyPack = 4, CopyIndex = 4,
            })
            .Goal("the damaged pack goes", world => (world.Packs & 1) == 0)
            .Goal("its condemnation is gone with the pack", world => (world.Packs & 1) == 0 && world.Condemnations == 0);
    }

    /// <summary>A pack comes back after its deletion, where a put in doubt is sent again under the same name.</summary>
    public static Scenario PackComesBack(Rule broken)
    {
        var scenario = Old("pack comes back", broken)
            .PointOfSession(1, session: 0, need: A)
            .With(new Writer("writer", broken, session: 0, pack: 1, index: 1))
            .With(new Deleter("deleter", 0b01))
            .With(new Collector("first", broken, 0, CollectorTasks.Consolidate) { Guesses = Packs(0b01), MergedIndex = 3 })
            .With(new Collector("second", broken, 1, CollectorTasks.Consolidate) { Guesses = Packs(0b00), MergedIndex = 4 });
        return (broken & Rule.DoubtfulPackIsGivenUp) == 0 ? scenario : scenario.With(new LatePack("network", 0))
            .Goal("pack 0 is reclaimed", world => (world.Packs & 1) == 0);
    }

    /// <summary>Two backups of the same data, each of which may reuse what the other uploads; a collector rewrites and decides.</summary>
    public static Scenario TwoBackups(Rule broken) => Old("two backups", broken, A | X)
        .PointOfSession(1, session: 0, need: A | C)
        .PointOfSession(2, session: 1, need: A | C)
        .With(new Writer("first writer", broken, session: 0, pack: 1, index: 1))
        .With(new Writer("second writer", broken, session: 1, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b011))
        .With(new Collector("collector", broken, 0, CollectorTasks.Copy)
        {
            Guesses = [new(0b01, A), new(0b01), new(0b10)], CopyPack = 3, CopyIndex = 3, Revokes = 0b01,
        })
        .Goal("both writers succeed", world => (world.Succeeded & 0b11) == 0b11)
        .Goal("the second writer reuses the first one's pack", world =>
            (world.Succeeded & 0b11) == 0b11 && (world.Packs & 0b110) == 0b010)
        .Goal("pack 0 is rewritten", world => (world.Packs & 1) == 0 && (world.Points & 1) != 0);

    /// <summary>Revocation with a third collector that only decides, and the second may be expelled.</summary>
    public static Scenario RevocationAmongThree(Rule broken) => Old("revocation among three", broken)
        .PointOfSession(1, session: 0, need: A | C).Base(0, 0)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true))
        .With(new Deleter("deleter", 0b11))
        .With(new Collector("first", broken, 0, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b11), Revokes = 0b01 })
        .With(new Collector("decider", broken, 2, CollectorTasks.OnlyDecide) { Revokes = 0b01 })
        .With(new Expeller("expeller", 1));

    /// <summary>A late decision where the collector is expelled while it marks, by a successor that does everything.</summary>
    public static Scenario LateDecisionAndSuccessor(Rule broken) => new Scenario("late decision and successor", broken)
        .Pack(0, A).Index(0, 1).NeedOfDeleted(0, A)
        .Registered(0).Condemnation(0, 0b01)
        .Session(0, SessionBits.Present | SessionBits.Based)
        .PointOfSession(1, session: 0, need: A).Base(0, 0)
        .PointOfSession(2, session: 1, need: A | C).Base(1, 1)
        .With(new Writer("first writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true)
        {
            StartsAt = Step.PutPoint,
        })
        .With(new Writer("second writer", broken, session: 1, pack: 2, index: 2, reuses: false, based: true))
        .With(new Deleter("deleter", 0b010))
        .With(new Collector("collector", broken, 0, Simple) { StartsAt = Step.ListPoints })
        .With(new Collector("successor", broken, 1, Simple) { Guesses = Packs(0b01, 0b00), Revokes = 0b11 })
        .With(new Expeller("expeller", 0));

    /// <summary>An incremental backup that also reuses, two collectors that rewrite and merge, one of them expelled.</summary>
    public static Scenario ReuseAndBase(Rule broken) => Old("reuse and base", broken, A | X)
        .PointOfSession(1, session: 0, need: A | C | X).Base(0, 0)
        .With(new Writer("writer", broken, session: 0, pack: 1, index: 1, reuses: true, based: true))
        .With(new Deleter("deleter", 0b11))
        .With(new Collector("first", broken, 0, CollectorTasks.Copy | CollectorTasks.RemoveEnded)
        {
            Guesses = [new(0b01, A), new(0b01)], CopyPack = 3, CopyIndex = 3, Revokes = 0b01,
        })
        .With(new Collector("second", broken, 1, CollectorTasks.Copy | CollectorTasks.Tidy | CollectorTasks.RemoveEnded)
        {
            Guesses = [new(0b01, A), new(0b01, A | X)], CopyPack = 4, CopyIndex = 4, Revokes = 0b01,
        })
        .With(new Expeller("expeller", 0));

    /// <summary>An index object and a condemnation come back after their deletion.</summary>
    public static Scenario IndexComesBack(Rule broken) => Consolidation(broken).Named("index comes back")
        .With(new SecondArrivals("network", index: 0, condemnation: 0, session: -1));

    /// <summary>A session comes back after its removal.</summary>
    public static Scenario SessionComesBack(Rule broken) => Revocation(broken).Named("session comes back")
        .With(new SecondArrivals("network", index: -1, condemnation: 0, session: 0));

    /// <summary>The chain of bases with two collectors that do everything about sessions.</summary>
    public static Scenario ChainAndTwoCollectors(Rule broken) => Old("chain and two collectors", broken)
        .PointOfSession(1, session: 0, need: A).Base(0, 0)
        .PointOfSession(2, session: 1, need: A | C).Base(1, 1)
        .With(new Writer("first writer", broken, session: 0, pack: 1, index: 1, reuses: false, based: true))
        .With(new Writer("second writer", broken, session: 1, pack: 2, index: 2, reuses: false, based: true))
        .With(new Deleter("deleter", 0b011))
        .With(new Collector("collector", broken, 0, Simple) { Guesses = Packs(0b01), Revokes = 0b01 })
        .With(new Collector("second", broken, 1, Simple) { Guesses = Packs(0b01), Revokes = 0b01 });

    /// <summary>Two copies, two collectors that rewrite or drop duplicates and tidy, one of them expelled, deletes in doubt.</summary>
    public static Scenario RewritingInDoubt(Rule broken) => Old("rewriting in doubt", broken, A | X).Pack(1, A).Index(1, 2)
        .PointOfSession(1, session: 0, need: A | C)
        .With(new Writer("writer", broken, session: 0, pack: 2, index: 2))
        .With(new Deleter("deleter", 0b01))
        .With(new Collector("first", broken, 0, CollectorTasks.Copy | CollectorTasks.Tidy | CollectorTasks.Consolidate)
        {
            Guesses = [new(0b01, A), new(0b10)], CopyPack = 3, CopyIndex = 3, MergedIndex = 5, DeletesInDoubt = true,
        })
        .With(new Collector("second", broken, 1, CollectorTasks.Copy | CollectorTasks.Tidy)
        {
            Guesses = [new(0b01, A), new(0b10)], CopyPack = 4, CopyIndex = 4, DeletesInDoubt = true,
        })
        .With(new Expeller("expeller", 0));

    /// <summary>Explored with every run of the tests.</summary>
    public static IReadOnlyList<Func<Rule, Scenario>> All =>
    [
        Revocation, Reuse, Rewriting, Chain, LateDecision, DoubtfulPut, Resumed, Expelled, DeadCollector, Consolidation, Reading,
        ReadingAmongMerges, ReadingAmongRewrites, Splitting, Walking, RepairingPacks, RepairingIndex, TwoRepairs, PackComesBack,
            IndexComesBack, SessionComesBack,
        TwoBackups,
        Everyday, EverydayRepair,
    ];

    /// <summary>Explored where VBACKUP_SOAK is 1.</summary>
    public static IReadOnlyList<Func<Rule, Scenario>> Large =>
        [
            ReadingAmongThree, ChainAndTwoCollectors, RevocationAmongThree, RewritingInDoubt, LateDecisionAndSuccessor,
            ReuseAndBase,
        ];
}
