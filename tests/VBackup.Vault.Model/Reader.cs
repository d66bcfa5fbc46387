namespace VBackup.Vault.Model;

/// <summary>A restore or a verify. It needs one chunk, which its manifest says is in the hinted pack.</summary>
sealed class Reader : Actor
{
    readonly int _session;
    readonly int _point;
    readonly int _chunk;
    readonly int _hint;

    public Reader(string name, Rule broken, int session, int point, int chunk, int hint)
        : base(name)
    {
        (_session, _point, _chunk, _hint) = (session, point, chunk, hint);
        Step[] again = (broken & Rule.ReaderLooksAgain) != 0 ? [] : [Step.ReadIndexAgain, Step.GetPacksAgain];
        Step[] packs = (broken & (Rule.ReaderListsPacksBeforeDamage | Rule.ReaderLooksAgain)) != 0 ? [] : [Step.ListPacksForChunk];
        Program =
        [
            Step.PutSession, Step.ReadBase, Step.ReadDecisionOfBase, Step.GetHintedPack,
            Step.ReadIndexForChunk, Step.GetPacksForChunk, .. again, .. packs,
            Step.LookForRevocationBeforeDamage, Step.EndSession, Step.Stop,
        ];
    }

    public override IEnumerable<Operation> Operations => [Operation.Read];

    public override void Act(in State from, Moves moves)
    {
        var own = from.Locals[Place];
        var to = from;
        switch (StepIn(in from))
        {
            case Step.PutSession:
                if ((from.World.Points >> _point & 1) == 0) break;
                to.World.Set(_session, SessionBits.Present | (Broken(Rule.ReaderNamesItsPoint) ? 0 : SessionBits.Based));
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.ReadBase:
                if ((from.World.Points >> _point & 1) != 0) Advance(ref to);
                else GoTo(ref to, Step.EndSession);
                moves.Add(to, this);
                break;
            case Step.ReadDecisionOfBase:
                var owner = Scenario.OwnerOf[_point];
                if (owner < 0 || !from.World.Has(owner, SessionBits.Decided) || Scenario.IsNamed(in from.World, _point))
                {
                    Advance(ref to);
                }
                else GoTo(ref to, Step.EndSession);

                moves.Add(to, this);
                break;
            case Step.GetHintedPack:
                if ((from.World.Packs >> _hint & 1) != 0) GoTo(ref to, Step.EndSession);
                else Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.ReadIndexForChunk or Step.ReadIndexAgain:
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Packs = (byte)PacksWithChunk(in from.World, Model.Scenario.EntriesIn(in from.World, seen));
                    Advance(ref to);
                    moves.Add(to, this);
                }

                break;
            case Step.GetPacksForChunk or Step.GetPacksAgain or Step.ListPacksForChunk:
                var any = StepIn(in from) == Step.ListPacksForChunk;
                foreach (var seen in OutcomesOf(in own))
                {
                    to = from;
                    Own(ref to).Packs = 0;
                    var candidates = any ? PacksWithChunk(in from.World, 0xFF) : own.Packs;
                    if ((candidates & seen) != 0) GoTo(ref to, Step.EndSession);
                    else Advance(ref to);
                    moves.Add(to, this);
                }

                break;
            case Step.LookForRevocationBeforeDamage:
                // Property 3 speaks of readers that nobody has revoked; the broken rule lets a revoked one cry out too.
                var revoked = from.World.Has(_session, SessionBits.Revoked) && !Broken(Rule.ReaderChecksRevocationBeforeDamage);
                if (!revoked) to.World.Fault = Fault.ReaderSpokeOfDamage;
                Advance(ref to);
                moves.Add(to, this);
                break;
            case Step.EndSession:
                to.World.Set(_session, SessionBits.Ended);
                Advance(ref to);
                moves.Add(to, this);
                break;
        }
    }

    int PacksWithChunk(in World world, int entries)
    {
        var packs = 0;
        for (var e = 0; e < 8; e++)
        {
            if ((entries >> e & 1) == 0) continue;
            var pack = Scenario.PackOf(e);
            if ((world.Chunks[pack] & _chunk) != 0) packs |= Bit(pack);
        }

        return packs;
    }
}
