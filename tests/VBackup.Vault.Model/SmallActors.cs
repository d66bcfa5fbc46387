namespace VBackup.Vault.Model;

/// <summary>Deletes any of its points, whenever it likes.</summary>
sealed class Deleter(string name, int points) : Actor(name, Step.DeletePoint)
{
    public override IEnumerable<Operation> Operations => [Operation.Delete];

    public override void Act(in State from, Moves moves)
    {
        var there = from.World.Points & points;
        for (var point = 0; point < 8; point++)
        {
            if ((there >> point & 1) == 0) continue;
            var to = from;
            to.World.Points &= (byte)~Bit(point);
            to.World.Deleted |= (byte)Bit(point);
            moves.Add(to, this);
        }
    }
}

/// <summary>Expels a collector that it takes for dead.</summary>
sealed class Expeller(string name, int collector) : Actor(name, Step.Expel)
{
    public override IEnumerable<Operation> Operations => [Operation.Expel];

    public override void Act(in State from, Moves moves)
    {
        if (StepIn(in from) == Step.Stop || (from.World.Registered >> collector & 1) == 0) return;
        var to = from;
        to.World.Registered &= (byte)~Bit(collector);
        Advance(ref to);
        moves.Add(to, this);
    }
}

/// <summary>A put of a collector's registration that was sent twice: the second arrives whenever it likes.</summary>
sealed class LateRegistration(string name, int collector, int place) : Actor(name, Step.ApplyLateRegistration)
{
    public override IEnumerable<Operation> Operations => [];

    public override void Act(in State from, Moves moves)
    {
        if (StepIn(in from) == Step.Stop || from.Locals[place].At == 0) return;
        var to = from;
        to.World.Registered |= (byte)Bit(collector);
        Advance(ref to);
        moves.Add(to, this);
    }
}

/// <summary>A put of a pack that was sent twice: the second arrives once the pack has been deleted.</summary>
sealed class LatePack(string name, int pack) : Actor(name, Step.ApplyLatePack)
{
    public override IEnumerable<Operation> Operations => [];

    public override void Act(in State from, Moves moves)
    {
        if (StepIn(in from) == Step.Stop || (from.World.Packs >> pack & 1) != 0) return;
        var to = from;
        to.World.Packs |= (byte)Bit(pack);
        Advance(ref to);
        moves.Add(to, this);
    }
}

/// <summary>Puts of other objects that were sent twice: each second one arrives once the object has been deleted.</summary>
sealed class SecondArrivals(string name, int index, int condemnation, int session) : Actor(name, Step.ApplySecondArrival)
{
    public override IEnumerable<Operation> Operations => [];

    public override void Act(in State from, Moves moves)
    {
        var own = from.Locals[Place];
        if (index >= 0 && (own.Index & 1) == 0 && (from.World.Index >> index & 1) == 0 && from.World.Entries[index] != 0)
        {
            var to = from;
            to.World.Index |= (byte)Bit(index);
            Own(ref to).Index = 1;
            moves.Add(to, this);
        }

        var condemned = condemnation >= 0 && from.World.Condemned[condemnation] != 0;
        if (condemned && (own.Condemned & 1) == 0 && (from.World.Condemnations >> condemnation & 1) == 0)
        {
            var to = from;
            to.World.Condemnations |= (byte)Bit(condemnation);
            Own(ref to).Condemned = 1;
            moves.Add(to, this);
        }

        var over = session >= 0 && (from.World.Succeeded >> session & 1) != 0 && !from.World.Has(session, SessionBits.Present);
        if (over && (own.Sessions & 1) == 0)
        {
            var to = from;
            to.World.Set(session, SessionBits.Present | SessionBits.Based);
            Own(ref to).Sessions = 1;
            moves.Add(to, this);
        }
    }
}
