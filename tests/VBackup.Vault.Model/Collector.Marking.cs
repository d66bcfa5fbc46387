namespace VBackup.Vault.Model;

// What is live: step 5 of a collector.
sealed partial class Collector
{
    int CountedSessions(in World world, int seen) =>
        Broken(Rule.BasesAreLive) ? 0
        : Broken(Rule.BasesOfEndedSessionsAreLive) ? seen & ~world.SessionsWith(SessionBits.Ended)
        : seen;

    int NamedPoints(in World world, int decided)
    {
        var points = 0;
        if (Broken(Rule.NamedPointsAreLive)) return 0;
        for (var k = 0; k < 4; k++)
        {
            if ((decided >> k & 1) != 0) points |= PointsNamedBy(in world, k);
        }

        return points;
    }

    int PointsNamedBy(in World world, int session)
    {
        var named = 0;
        for (var points = Scenario.PointsOf(session); points != 0; points &= points - 1)
        {
            if (Scenario.IsNamed(in world, Lowest(points))) named |= Bit(Lowest(points));
        }

        return named;
    }

    /// <summary>After the last listing of the mark, what is live is known.</summary>
    void AdvanceMark(State to, Moves moves)
    {
        Advance(ref to);
        ref var own = ref Own(ref to);
        if (CollectorProgram.IsOfMark(StepIn(in to)))
        {
            moves.Add(to, this);
            return;
        }

        own.Live = (byte)LiveBy(in to.World, in own);
        if (StepIn(in to) != Step.WalkTrees) own.Points = 0;
        own.Decided = own.Sessions = 0;
        moves.Add(to, this);
    }

    int LiveBy(in World world, in Local own)
    {
        var live = 0;
        for (var point = 0; point < 8; point++)
        {
            if ((own.Points >> point & 1) == 0) continue;
            var owner = Scenario.OwnerOf[point];
            var decided = owner >= 0 && (own.Decided >> owner & 1) != 0;
            var leftOut = decided && !Scenario.IsNamed(in world, point);
            if (!leftOut && !(Broken(Rule.UndecidedPointsAreLive) && owner >= 0 && !decided)) live |= Scenario.NeedOf[point];
        }

        for (var k = 0; k < 4; k++)
        {
            var counts = (own.Sessions >> k & 1) != 0 && (own.Decided >> k & 1) == 0 && Scenario.BaseOf[k] >= 0
                && world.Has(k, SessionBits.Based);
            if (counts) live |= Scenario.NeedOf[Scenario.BaseOf[k]];
        }

        return live;
    }

    /// <summary>
    /// A node that the index does not show stops the collector. With the rule broken, it only does so below a listed
    /// point that is still valid; else the collector passes over the node and what is below it.
    /// </summary>
    void WalkTrees(State from, Moves moves)
    {
        var own = from.Locals[Place];
        foreach (var seen in OutcomesOf(in own))
        {
            var to = from;
            Own(ref to).Points = 0;
            var found = Scenario.ChunksOf(in from.World, Model.Scenario.EntriesIn(in from.World, seen), from.World.Packs);
            var missing = (own.Live & Scenario.Nodes & ~found) != 0;
            if (missing && (!Broken(Rule.MissingNodeStops) || (own.Points & from.World.Points) != 0))
            {
                Own(ref to).Live = 0;
                GoTo(ref to, Step.RemoveOwnCondemnation);
            }
            else
            {
                if (missing) Own(ref to).Live = 0;
                Advance(ref to);
            }

            moves.Add(to, this);
        }
    }
}
