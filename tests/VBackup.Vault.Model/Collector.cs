namespace VBackup.Vault.Model;

/// <summary>Packs that a collector may condemn, and the chunks that it copies out of them first.</summary>
readonly record struct Guess(int Packs, int Copies = 0);

/// <summary>
/// A collector. What it condemns is a guess among <see cref="Guesses"/>: the first mark only makes good guesses, and a
/// model in which any guess may be made covers every first mark, true or not.
/// </summary>
sealed partial class Collector : Actor
{
    const byte CanName = 1;
    const byte CanNameSecond = 8;
    const byte InDoubt = 2;
    const byte Marked = 4;

    readonly int _number;

    public Collector(string name, Rule broken, int number, CollectorTasks tasks)
        : base(name)
    {
        _number = number;
        Tasks = tasks;
        Program = [.. CollectorProgram.For(broken, tasks), Step.Stop];
    }

    public CollectorTasks Tasks { get; }

    public IReadOnlyList<Guess> Guesses { get; init; } = [];

    /// <summary>Sessions that it may revoke.</summary>
    public int Revokes { get; init; }

    /// <summary>The name of the pack that it copies into, and of that pack's index object.</summary>
    public int CopyPack { get; init; }

    public int CopyIndex { get; init; }

    /// <summary>The name of its merged index object.</summary>
    public int MergedIndex { get; init; }

    /// <summary>Deletes of packs may be sent and never confirmed.</summary>
    public bool DeletesInDoubt { get; init; }

    public override IEnumerable<Operation> Operations =>
    [
        .. Does(CollectorTasks.OnlyDecide) ? Array.Empty<Operation>() : [Operation.Collect],
        .. Revokes != 0 ? [Operation.Revoke] : Array.Empty<Operation>(),
        .. Does(CollectorTasks.Copy) ? [Operation.Rewrite] : Array.Empty<Operation>(),
        .. Does(CollectorTasks.Consolidate) ? [Operation.Consolidate] : Array.Empty<Operation>(),
    ];

    bool Does(CollectorTasks task) => (Tasks & task) != 0;

    protected override bool IsIdle(Step step, in State state)
    {
        ref readonly var own = ref state.Locals[Place];
        var condemns = (state.World.Condemnations >> _number & 1) != 0;
        return step switch
        {
            Step.ReadNamedPoints => NamedPoints(in state.World, own.Decided) == 0,
            Step.PutMerged => own.Index == 0,
            Step.DeleteReplaced => own.Index == 0,
            Step.DeletePacks => own.Kill == 0,
            Step.RemoveOwnCondemnation =>
                !condemns || (own.Flags & InDoubt) != 0 && !Broken(Rule.DoubtfulDeletesKeepCondemnation),
            Step.RemoveOtherCondemnations => own.Condemned == 0,
            Step.RemoveEnded or Step.DeleteLeftOutPoints or Step.RemoveDecisions => own.Sessions == 0,
            _ => false,
        };
    }

    public override void Act(in State from, Moves moves)
    {
        var own = from.Locals[Place];
        if (own.Pending != 0) ApplyDoubtfulDelete(from, moves);
        var to = from;
        switch (StepIn(in from))
        {
            case Step.Register:
                to.World.Registered |= (byte)Bit(_number);
                AdvanceAndAdd(to, moves);
                break;
            case Step.Guess:
                MakeGuess(from, moves);
                break;
            case Step.PutCopy:
                if (own.Have != 0)
                {
                    to.World.Packs |= (byte)Bit(CopyPack);
                    to.World.Chunks[CopyPack] = own.Have;
                }

                AdvanceAndAdd(to, moves);
                break;
            case Step.IndexCopy:
                if (own.Have != 0)
                {
                    to.World.Index |= (byte)Bit(CopyIndex);
                    to.World.Entries[CopyIndex] = (byte)Bit(CopyPack);
                }

                Own(ref to).Have = 0;
                AdvanceAndAdd(to, moves);
                break;
            case Step.Condemn:
                to.World.Condemned[_number] = own.Kill;
                to.World.Condemnations |= (byte)Bit(_number);
                Own(ref to).Kill = 0;
                AdvanceAndAdd(to, moves);
                break;
            case Step.ListSessionsToWait:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Sessions = (byte)(seen & ~SettledSessions(in from.World));
                    AdvanceAndAdd(to, moves);
                }

                break;
            case Step.Wait:
                Wait(from, moves);
                break;
            case Step.Revoke:
                to.World.Set(Lowest(own.Decided), SessionBits.Revoked);
                AdvanceAndAdd(to, moves);
                break;
            case Step.ListPointsToDecide:
                ListPointsToDecide(from, moves);
                break;
            case Step.Decide:
                Decide(from, moves);
                break;
            case Step.ListPoints:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Points = (byte)seen;
                    AdvanceMark(to, moves);
                }

                break;
            case Step.ReadPoints:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Points &= (byte)seen;
                    AdvanceMark(to, moves);
                }

                break;
            case Step.ListDecisions:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Decided = (byte)seen;
                    AdvanceMark(to, moves);
                }

                break;
            case Step.ReadNamedPoints:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Points |= (byte)(seen & NamedPoints(in from.World, own.Decided));
                    AdvanceMark(to, moves);
                }

                break;
            case Step.ListSessions:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Sessions = (byte)CountedSessions(in from.World, seen);
                    AdvanceMark(to, moves);
                }

                break;
            case Step.ListSessionsAndDecisions:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Decided = (byte)(seen >> 4);
                    Own(ref to).Sessions = (byte)CountedSessions(in from.World, seen & 0xF);
                    AdvanceMark(to, moves);
                }

                break;
            case Step.CheckRegistration:
                if ((from.World.Registered >> _number & 1) != 0) AdvanceMark(to, moves);
                else
                {
                    GoTo(ref to, Step.Stop);
                    moves.Add(to, this);
                }

                break;
            case Step.WalkTrees:
                WalkTrees(from, moves);
                break;
            case Step.ListCondemnations:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Condemned = (byte)seen;
                    AdvanceAndAdd(to, moves);
                }

                break;
            case Step.ReadIndex:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Index = (byte)(seen & ~Scenario.UnreadableIndex);
                    AdvanceAndAdd(to, moves);
                }

                break;
            case Step.ListPacks:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Packs = (byte)seen;
                    AdvanceAndAdd(to, moves);
                }

                break;
            case Step.Plan:
                Plan(from, moves);
                break;
            case Step.PutMerged:
                to.World.Index |= (byte)Bit(MergedIndex);
                to.World.Entries[MergedIndex] = own.Have;
                Own(ref to).Have = 0;
                if (Broken(Rule.MergedBeforeReplaced)) Own(ref to).Index = 0;
                AdvanceAndAdd(to, moves);
                break;
            case Step.DeleteReplaced:
                DeleteReplaced(from, moves);
                break;
            case Step.DeletePacks:
                DeletePacks(from, moves);
                break;
            case Step.RemoveOwnCondemnation:
                to.World.Condemnations &= (byte)~Bit(_number);
                AdvanceAndAdd(to, moves);
                break;
            case Step.RemoveOtherCondemnations:
                to.World.Condemnations &= (byte)~own.Condemned;
                Own(ref to).Condemned = 0;
                AdvanceAndAdd(to, moves);
                break;
            case Step.ListEnded:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Sessions = (byte)seen;
                    AdvanceAndAdd(to, moves);
                }

                break;
            case Step.ListCollectors:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    var others = seen & ~Bit(_number) & ~NotCounted;
                    if (others != 0 && !Broken(Rule.RemoveEndedOnlyAlone)) GoTo(ref to, Step.Unregister);
                    else Advance(ref to);
                    if (StepIn(in to) == Step.Unregister) Own(ref to).Sessions = 0;
                    moves.Add(to, this);
                }

                break;
            case Step.DeleteLeftOutPoints:
                for (var k = 0; k < 4; k++)
                {
                    if ((own.Sessions >> k & 1) != 0 && from.World.Has(k, SessionBits.Decided))
                        to.World.Points &= (byte)~(Scenario.PointsOf(k) & ~PointsNamedBy(in from.World, k));
                }

                AdvanceAndAdd(to, moves);
                break;
            case Step.RemoveDecisions:
                for (var k = 0; k < 4; k++)
                {
                    if ((own.Sessions >> k & 1) != 0) to.World.Clear(k, SessionBits.Decided);
                }

                AdvanceAndAdd(to, moves);
                break;
            case Step.RemoveEnded:
                for (var k = 0; k < 4; k++)
                {
                    if ((own.Sessions >> k & 1) == 0) continue;
                    to.World.Clear(k, SessionBits.Present | SessionBits.Ended | SessionBits.Revoked | SessionBits.Based);
                }

                Own(ref to).Sessions = 0;
                AdvanceAndAdd(to, moves);
                break;
            case Step.Unregister:
                to.World.Registered &= (byte)~Bit(_number);
                AdvanceAndAdd(to, moves);
                break;
        }
    }

    /// <summary>Collectors that it takes for dead, and so does not count although it has not expelled them.</summary>
    public int TakesForDead { get; init; }

    int NotCounted => Broken(Rule.ExpelBeforeNotCounting) ? TakesForDead : 0;

    void AdvanceAndAdd(State to, Moves moves)
    {
        Advance(ref to);
        moves.Add(to, this);
    }

    void MakeGuess(State from, Moves moves)
    {
        foreach (var guess in Guesses)
        {
            if ((guess.Packs & ~from.World.Packs) != 0) continue;
            var to = from;
            Own(ref to).Kill = (byte)guess.Packs;
            Own(ref to).Have = (byte)guess.Copies;
            var skipsCopy = guess.Copies == 0 && !Broken(Rule.CopyBeforeCondemning) && Does(CollectorTasks.Copy);
            if (guess.Packs == 0) GoTo(ref to, Tasks == CollectorTasks.RemoveEnded ? Step.ListEnded : Step.ListCondemnations);
            else if (skipsCopy) GoTo(ref to, Step.Condemn);
            else Advance(ref to);
            moves.Add(to, this);
        }
    }

    static int SettledSessions(in World world) =>
        world.SessionsWith(SessionBits.Ended) | world.SessionsWith(SessionBits.Decided);

    void Wait(State from, Moves moves)
    {
        var left = from.Locals[Place].Sessions & ~SettledSessions(in from.World)
            & from.World.SessionsWith(SessionBits.Present);
        if (left == 0)
        {
            var to = from;
            Own(ref to).Sessions = 0;
            GoTo(ref to, CollectorProgram.AfterWaiting(Program));
            moves.Add(to, this);
            return;
        }

        for (var k = 0; k < 4; k++)
        {
            if ((left & Revokes & Bit(k)) == 0) continue;
            var to = from;
            Own(ref to).Decided = (byte)Bit(k);
            Advance(ref to);
            if (StepIn(in to) == Step.Revoke && from.World.Has(k, SessionBits.Revoked)) Advance(ref to);
            moves.Add(to, this);
        }
    }

    void ListPointsToDecide(State from, Moves moves)
    {
        var own = from.Locals[Place];
        var session = Lowest(own.Decided);
        var (first, second) = (Scenario.PointOf[session], Scenario.SecondPointOf[session]);
        foreach (var seen in OutcomesOf(in own))
        {
            var to = from;
            if (first >= 0 && (seen >> first & 1) != 0) Own(ref to).Flags |= CanName;
            if (second >= 0 && (seen >> second & 1) != 0) Own(ref to).Flags |= CanNameSecond;
            AdvanceAndAdd(to, moves);
        }
    }

    void Decide(State from, Moves moves)
    {
        var to = from;
        ref var own = ref Own(ref to);
        var session = Lowest(own.Decided);
        if (!from.World.Has(session, SessionBits.Decided) || Broken(Rule.DecisionCreatedOnce))
        {
            to.World.Set(session, SessionBits.Decided);
            to.World.Clear(session, SessionBits.Named | SessionBits.SecondNamed);
            if ((own.Flags & CanName) != 0) to.World.Set(session, SessionBits.Named);
            if ((own.Flags & CanNameSecond) != 0) to.World.Set(session, SessionBits.SecondNamed);
        }

        own.Flags &= unchecked((byte)~(CanName | CanNameSecond));
        own.Decided = 0;
        GoTo(ref to, Step.Wait);
        moves.Add(to, this);
    }

    void Plan(State from, Moves moves)
    {
        var to = from;
        ref var own = ref Own(ref to);
        var seenEntries = Model.Scenario.EntriesIn(in from.World, own.Index);
        var kill = KillBy(in from.World, in own, seenEntries);
        var kept = 0;
        for (var e = 0; e < 8; e++)
        {
            var pack = Scenario.PackOf(e);
            if ((seenEntries >> e & 1) != 0 && ((own.Packs & ~kill) >> pack & 1) != 0) kept |= Bit(e);
        }

        var removable = 0;
        for (var slot = 0; slot < 4; slot++)
        {
            if (slot == _number || (own.Condemned >> slot & 1) == 0) continue;
            var gone = (from.World.Condemned[slot] & own.Packs & ~kill) == 0;
            var unregistered = (from.World.Registered >> slot & 1) == 0;
            if (gone || Broken(Rule.OthersCondemnationsOnlyWhenPacksGone) && unregistered) removable |= Bit(slot);
        }

        var replaced = Broken(Rule.ReplaceOnlyWhatWasRead) ? from.World.Index & ~Bit(MergedIndex) : own.Index;
        own.Kill = (byte)kill;
        own.Condemned = (byte)(Does(CollectorTasks.Tidy) ? removable : 0);
        own.Packs = own.Live = own.Points = own.Decided = own.Sessions = 0;
        own.Index = 0;
        Advance(ref to);
        moves.Add(to, this);
        if (!Does(CollectorTasks.Consolidate) || replaced == 0) return;
        to = from;
        own = ref Own(ref to);
        own.Kill = (byte)kill;
        own.Condemned = (byte)(Does(CollectorTasks.Tidy) ? removable : 0);
        own.Packs = own.Live = own.Points = own.Decided = own.Sessions = 0;
        own.Index = (byte)replaced;
        own.Have = (byte)kept;
        Advance(ref to);
        moves.Add(to, this);
    }

    /// <summary>Its own condemned packs whose every live chunk is held elsewhere.</summary>
    int KillBy(in World world, in Local own, int seenEntries)
    {
        var mine = world.Condemned[_number];
        var condemned = Broken(Rule.OwnCondemnedNotCounted) ? 0 : (int)mine;
        for (var slot = 0; slot < 4; slot++)
        {
            var counts = slot != _number && (own.Condemned >> slot & 1) != 0 && !Broken(Rule.OthersCondemnedNotCounted);
            if (counts) condemned |= world.Condemned[slot];
        }

        var present = Broken(Rule.HeldOnlyInPresentPacks) ? 0xFF : (int)own.Packs;
        var kill = 0;
        for (var pack = 0; pack < 8; pack++)
        {
            if ((mine & own.Packs & Bit(pack)) == 0) continue;
            var elsewhere = present & ~condemned & ~Bit(pack);
            var held = Scenario.ChunksOf(in world, seenEntries, elsewhere);
            if (Broken(Rule.HeldOnlyInIndexedPacks))
            {
                for (var other = 0; other < 8; other++)
                {
                    if ((elsewhere >> other & 1) != 0) held |= world.Chunks[other];
                }
            }

            if ((ContentOf(in world, pack, seenEntries) & own.Live & ~held) == 0) kill |= Bit(pack);
        }

        return kill;
    }

    /// <summary>What it takes a pack to hold: by the entries seen, and for a pack without any by its footer.</summary>
    int ContentOf(in World world, int pack, int seenEntries)
    {
        var named = (Scenario.PacksOf(seenEntries) & Bit(pack)) != 0;
        if (named) return Scenario.ChunksOf(in world, seenEntries, Bit(pack));
        return Broken(Rule.UnindexedPacksReadByFooter) ? 0 : world.Chunks[pack];
    }

    void DeleteReplaced(State from, Moves moves)
    {
        var left = from.Locals[Place].Index;
        for (var index = 0; index < 8; index++)
        {
            if ((left >> index & 1) == 0) continue;
            var to = from;
            to.World.Index &= (byte)~Bit(index);
            // With the order broken, the put that follows still needs to know that there is something to put.
            var last = left == Bit(index);
            if (last && Broken(Rule.MergedBeforeReplaced)) Own(ref to).Index = 0x80;
            else Own(ref to).Index &= (byte)~Bit(index);
            if (last) Advance(ref to);
            moves.Add(to, this);
        }
    }

    void DeletePacks(State from, Moves moves)
    {
        var pack = Bit(Lowest(from.Locals[Place].Kill));
        var to = from;
        to.World.Packs &= (byte)~pack;
        Own(ref to).Kill &= (byte)~pack;
        if (Own(ref to).Kill == 0) Advance(ref to);
        moves.Add(to, this);
        if (!DeletesInDoubt) return;
        to = from;
        Own(ref to).Kill &= (byte)~pack;
        Own(ref to).Pending |= (byte)pack;
        Own(ref to).Flags |= InDoubt;
        if (Own(ref to).Kill == 0) Advance(ref to);
        moves.Add(to, this);
    }

    void ApplyDoubtfulDelete(State from, Moves moves)
    {
        var to = from;
        to.World.Packs &= (byte)~Own(ref to).Pending;
        Own(ref to).Pending = 0;
        moves.Add(to, this);
    }
}
