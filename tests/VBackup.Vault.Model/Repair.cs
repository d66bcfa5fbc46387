namespace VBackup.Vault.Model;

/// <summary>Mends the index, condemns damaged packs and stores their lost chunks anew.</summary>
sealed class Repair : Actor
{
    readonly int _session;
    readonly int _condemnation;

    public Repair(string name, Rule broken, int session, int condemnation, bool mendsIndex, bool mendsPacks)
        : base(name)
    {
        _session = session;
        _condemnation = condemnation;
        Step[] look = (broken & Rule.IndexBeforePacksInRepair) != 0
            ? [Step.ListPacksToRepair, Step.ReadIndexToRepair]
            : [Step.ReadIndexToRepair, Step.ListPacksToRepair];
        Step[] index = mendsIndex ? [.. look, Step.PutRebuiltIndex, Step.DeleteUnreadableIndex] : [];
        Step[] packs = !mendsPacks ? []
            : (broken & Rule.CondemnDamagedBeforeStoringAnew) != 0
                ? [Step.StoreAnew, Step.IndexAnew, Step.CondemnDamaged]
            : [Step.CondemnDamaged, Step.StoreAnew, Step.IndexAnew];
        Step[] start = (broken & Rule.RepairHasSession) != 0 ? [] : [Step.PutSession];
        Program = [.. start, .. index, .. packs, Step.EndSession, Step.Stop];
    }

    public int DamagedPacks { get; init; }

    public int LostChunks { get; init; }

    public int NewPack { get; init; }

    public int NewIndex { get; init; }

    public int RebuiltIndex { get; init; }

    public override IEnumerable<Operation> Operations => [Operation.Repair];

    protected override bool IsIdle(Step step, in State state) =>
        step == Step.PutRebuiltIndex && Unindexed(in state.Locals[Place]) == 0;

    public override void Act(in State from, Moves moves)
    {
        var own = from.Locals[Place];
        var to = from;
        var step = StepIn(in from);
        switch (step)
        {
            case Step.PutSession:
                to.World.Set(_session, SessionBits.Present);
                break;
            case Step.CondemnDamaged:
                to.World.Condemned[_condemnation] = (byte)DamagedPacks;
                to.World.Condemnations |= (byte)Bit(_condemnation);
                break;
            case Step.StoreAnew:
                to.World.Packs |= (byte)Bit(NewPack);
                to.World.Chunks[NewPack] = (byte)LostChunks;
                break;
            case Step.IndexAnew:
                to.World.Index |= (byte)Bit(NewIndex);
                to.World.Entries[NewIndex] = (byte)Bit(NewPack);
                break;
            case Step.PutRebuiltIndex:
                to.World.Index |= (byte)Bit(RebuiltIndex);
                to.World.Entries[RebuiltIndex] = (byte)Unindexed(in own);
                Own(ref to).Index = Own(ref to).Packs = 0;
                break;
            case Step.DeleteUnreadableIndex:
                to.World.Index &= (byte)~Scenario.UnreadableIndex;
                break;
            case Step.EndSession:
                if (from.World.Has(_session, SessionBits.Present)) to.World.Set(_session, SessionBits.Ended);
                to.World.Succeeded |= World.RepairFinished;
                break;
            case Step.ReadIndexToRepair or Step.ListPacksToRepair:
                Look(from, moves);
                return;
            default:
                return;
        }

        Advance(ref to);
        moves.Add(to, this);
    }

    void Look(State from, Moves moves)
    {
        foreach (var seen in OutcomesOf(in from.Locals[Place]))
        {
            var to = from;
            ref var own = ref Own(ref to);
            if (StepIn(in from) == Step.ListPacksToRepair) own.Packs = (byte)seen;
            else own.Index = (byte)Model.Scenario.EntriesIn(in from.World, seen & ~Scenario.UnreadableIndex);
            Advance(ref to);
            moves.Add(to, this);
        }
    }

    /// <summary>Packs listed that no entry read names. Entry k stands for pack k.</summary>
    int Unindexed(in Local own) => own.Packs & ~Scenario.PacksOf(own.Index);
}
