namespace VBackup.Vault.Model;

/// <summary>A backup. It has all its data at hand: what it cannot reuse, it uploads as one pack.</summary>
sealed class Writer : Actor
{
    const byte Fine = 1;
    const byte BaseIsValid = 2;
    const byte Second = 4;

    readonly int _session;
    readonly int _pack;
    readonly int _index;

    public Writer(string name, Rule broken, int session, int pack, int index, bool reuses = true, bool based = false)
        : base(name)
    {
        _session = session;
        _pack = pack;
        _index = index;
        Program = [.. ProgramFor(broken, reuses, based), Step.Stop];
    }

    /// <summary>A put of the point may be sent and never confirmed.</summary>
    public bool PutsInDoubt { get; init; }

    /// <summary>Another process, or the same, finds out what became of a put in doubt, and goes on with the session.</summary>
    public bool Resumes { get; init; }

    static IEnumerable<Step> ProgramFor(Rule broken, bool reuses, bool based)
    {
        Step[] reuse = !reuses ? []
            : (broken & Rule.CondemnationsBeforePacks) != 0
                ? [Step.ReadIndexToReuse, Step.ListPacksToReuse, Step.ListCondemnationsToReuse]
            : (broken & Rule.IndexAfterCondemnationsForWriters) != 0
                ? [Step.ReadIndexToReuse, Step.ListCondemnationsToReuse, Step.ListPacksToReuse]
            : [Step.ListCondemnationsToReuse, Step.ReadIndexToReuse, Step.ListPacksToReuse];
        Step[] check = based ? [Step.ReadBase, Step.ReadDecisionOfBase] : [];
        Step[] start = (broken & Rule.SessionBeforeCondemnations) != 0 ? [.. reuse, Step.PutSession, .. check]
            : (broken & Rule.BaseCheckedAfterSession) != 0 ? [.. check, Step.PutSession, .. reuse]
            : [Step.PutSession, .. reuse, .. check];
        Step[] end = (broken & Rule.PackBeforeItsIndex) != 0
                ? [Step.PutIndex, Step.PutPack, Step.PutPoint, Step.LookForRevocation]
            : (broken & Rule.PointAfterItsIndex) != 0
                ? [Step.PutPack, Step.PutPoint, Step.PutIndex, Step.LookForRevocation]
            : (broken & Rule.RevocationCheckedAfterPoint) != 0
                ? [Step.PutPack, Step.PutIndex, Step.LookForRevocation, Step.PutPoint]
            : [Step.PutPack, Step.PutIndex, Step.PutPoint, .. SettlingFor(broken), Step.LookForRevocation];
        return [.. start, .. end, Step.EndSession];
    }

    // Passed over by those whose point is not in doubt.
    static Step[] SettlingFor(Rule broken) =>
        (broken & Rule.DoubtfulPointIsSettled) != 0 ? [Step.PutSecondPoint]
        : (broken & Rule.DiscardBeforeLooking) != 0 ? [Step.LookForDoubtfulPoint, Step.DiscardUnfinished, Step.PutSecondPoint]
        : [Step.DiscardUnfinished, Step.LookForDoubtfulPoint, Step.PutSecondPoint];

    static bool IsOfSettling(Step step) => step is Step.DiscardUnfinished or Step.LookForDoubtfulPoint or Step.PutSecondPoint;

    void PassSettling(ref State to)
    {
        while (IsOfSettling(StepIn(in to))) Advance(ref to);
    }

    public override IEnumerable<Operation> Operations =>
        [Program.Contains(Step.ReadBase) ? Operation.BackUpIncremental : Operation.BackUpFull];

    int Point => Scenario.PointOf[_session];

    int Need => Scenario.NeedOf[Point];

    int Base => Scenario.BaseOf[_session];

    protected override bool IsIdle(Step step, in State state) =>
        step is Step.PutPack or Step.PutIndex && (Need & ~state.Locals[Place].Have) == 0;

    public override void Act(in State from, Moves moves)
    {
        var own = from.Locals[Place];
        if (own.Pending != 0) ApplyDoubtfulPut(from, moves);
        var to = from;
        switch (StepIn(in from))
        {
            case Step.PutSession:
                to.World.Set(_session, SessionBits.Present);
                var knowsBase = Base >= 0 && (Broken(Rule.BaseCheckedAfterSession)
                    ? (own.Flags & BaseIsValid) != 0
                    : (from.World.Points >> Base & 1) != 0);
                if (knowsBase) to.World.Set(_session, SessionBits.Based);
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.ListCondemnationsToReuse:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Condemned = (byte)CondemnedBy(in from.World, seen);
                    AdvanceReuse(ref to);
                    moves.Add(to, this);
                }

                break;
            case Step.ReadIndexToReuse:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Index = (byte)Model.Scenario.EntriesIn(in from.World, seen);
                    AdvanceReuse(ref to);
                    moves.Add(to, this);
                }

                break;
            case Step.ListPacksToReuse:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Packs = (byte)seen;
                    AdvanceReuse(ref to);
                    moves.Add(to, this);
                }

                break;
            case Step.ReadBase:
                var named = Broken(Rule.BaseCheckedAfterSession) || from.World.Has(_session, SessionBits.Based);
                Advance(ref to);
                if (!named || (from.World.Points >> Base & 1) == 0) Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.ReadDecisionOfBase:
                var owner = Scenario.OwnerOf[Base];
                if (owner < 0 || !from.World.Has(owner, SessionBits.Decided) || Scenario.IsNamed(in from.World, Base))
                {
                    Own(ref to).Have |= (byte)(Scenario.NeedOf[Base] & Need);
                    Own(ref to).Flags |= BaseIsValid;
                }

                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.PutPack:
                to.World.Packs |= (byte)Bit(_pack);
                to.World.Chunks[_pack] = (byte)(Need & ~own.Have);
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.PutIndex:
                to.World.Index |= (byte)Bit(_index);
                to.World.Entries[_index] = (byte)Bit(_pack);
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.PutPoint:
                PutPoint(from, moves);
                break;
            case Step.DiscardUnfinished:
                Own(ref to).Pending = 0;
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.LookForDoubtfulPoint:
                if ((from.World.Points >> Point & 1) != 0) GoTo(ref to, Step.LookForRevocation);
                else Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.PutSecondPoint:
                to.World.Points |= (byte)Bit(Scenario.SecondPointOf[_session]);
                Own(ref to).Flags = Second;
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.LookForRevocation:
                LookForRevocation(from, moves);
                break;
            case Step.EndSession:
                if (Broken(Rule.EndedSessionsStay)) to.World.Clear(_session, SessionBits.Present | SessionBits.Revoked);
                else to.World.Set(_session, SessionBits.Ended);
                Advance(ref to);
                moves.Add(to, this);
                break;
        }
    }

    static int CondemnedBy(in World world, int condemnations)
    {
        var packs = 0;
        for (var slot = 0; slot < 4; slot++)
        {
            if ((condemnations >> slot & 1) != 0) packs |= world.Condemned[slot];
        }

        return packs;
    }

    /// <summary>After the last of the three readings, what may be reused is known.</summary>
    void AdvanceReuse(ref State to)
    {
        ref var own = ref Own(ref to);
        var next = Program[own.At + 1];
        var reading = next is Step.ListCondemnationsToReuse or Step.ReadIndexToReuse or Step.ListPacksToReuse;
        if (!reading)
        {
            var usable = Broken(Rule.ReuseOnlyPresentPacks) ? 0xFF : (int)own.Packs;
            if (!Broken(Rule.ReuseNoCondemnedPacks)) usable &= ~own.Condemned;
            own.Have |= (byte)(Scenario.ChunksOf(in to.World, own.Index, usable) & Need);
            own.Condemned = own.Index = own.Packs = 0;
        }

        Advance(ref to);
    }

    void PutPoint(State from, Moves moves)
    {
        var to = from;
        to.World.Points |= (byte)Bit(Point);
        if ((Own(ref to).Flags & Fine) != 0) to.World.Succeeded |= (byte)Bit(_session);
        // Where the order of puts is broken, what is missing is still to be indexed, so it must be remembered.
        if (Program[from.Locals[Place].At + 1] != Step.PutIndex)
        {
            Own(ref to).Have = 0xFF;
            Own(ref to).Flags = 0;
        }

        Advance(ref to);
        PassSettling(ref to);
        moves.Add(to, this);
        if (!PutsInDoubt) return;
        to = from;
        ref var own = ref Own(ref to);
        own.Pending = 1;
        own.Flags = own.Have = 0;
        if (Resumes) Advance(ref to);
        else GoTo(ref to, Broken(Rule.DoubtfulPointDoesNotEnd) ? Step.EndSession : Step.Stop);
        moves.Add(to, this);
    }

    void ApplyDoubtfulPut(State from, Moves moves)
    {
        var to = from;
        to.World.Points |= (byte)Bit(Point);
        Own(ref to).Pending = 0;
        moves.Add(to, this);
    }

    void LookForRevocation(State from, Moves moves)
    {
        var to = from;
        var revoked = from.World.Has(_session, SessionBits.Revoked);
        if (Broken(Rule.RevocationCheckedAfterPoint))
        {
            if (revoked) GoTo(ref to, Step.EndSession);
            else
            {
                Own(ref to).Flags |= Fine;
                Advance(ref to);
            }
        }
        else
        {
            if (!revoked) to.World.Succeeded |= (byte)Bit((from.Locals[Place].Flags & Second) != 0 ? _session + 4 : _session);
            Advance(ref to);
        }

        moves.Add(to, this);
    }
}
