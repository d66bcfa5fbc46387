namespace VBackup.Vault.Model;

/// <summary>
/// A small vault, its actors, and the rule that is broken, if any. Entry k of the index stands for pack k whole, unless
/// <see cref="Entry"/> says otherwise.
/// </summary>
sealed class Scenario
{
    readonly List<Actor> _actors = [];
    readonly byte[] _entryPack = [0, 1, 2, 3, 4, 5, 6, 7];
    readonly byte[] _entryChunks = [255, 255, 255, 255, 255, 255, 255, 255];
    readonly byte[] _damaged = new byte[8];
    State _initial;

    public Scenario(string name, Rule broken = Rule.None)
    {
        Name = name;
        Broken = broken;
        Array.Fill(OwnerOf, -1);
        Array.Fill(BaseOf, -1);
        Array.Fill(PointOf, -1);
        Array.Fill(SecondPointOf, -1);
    }

    public string Name { get; private set; }

    public Rule Broken { get; }

    public IReadOnlyList<Actor> Actors => _actors;

    public List<(string Name, Func<World, bool> IsReached)> Goals { get; } = [];

    /// <summary>Two operations meet when they are at work in one scenario as different actors.</summary>
    public IEnumerable<(Operation, Operation)> Meetings =>
        from one in _actors
        from other in _actors
        where one != other
        from first in one.Operations
        from second in other.Operations
        select (first, second);

    /// <summary>The chunks that each point needs.</summary>
    public byte[] NeedOf { get; } = new byte[8];

    /// <summary>The session that wrote each point, or −1.</summary>
    public int[] OwnerOf { get; } = new int[8];

    public int[] BaseOf { get; } = new int[4];

    public int[] PointOf { get; } = new int[4];

    /// <summary>The same point under the name that a session takes when the put of the first is in doubt, or −1.</summary>
    public int[] SecondPointOf { get; } = new int[4];

    public byte UnreadableIndex { get; set; }

    /// <summary>Chunks that are manifest nodes: a walk goes on below them only when the index shows where they are.</summary>
    public byte Nodes { get; set; }

    /// <summary>Damaged chunks count against nobody until the repair has finished.</summary>
    public byte LostUntilRepair { get; set; }

    public Scenario Named(string name)
    {
        Name = name;
        return this;
    }

    public Scenario Pack(int pack, int chunks, int damaged = 0, bool present = true)
    {
        _initial.World.Chunks[pack] = (byte)chunks;
        _damaged[pack] = (byte)damaged;
        if (present) _initial.World.Packs |= (byte)(1 << pack);
        return this;
    }

    public Scenario Index(int index, int entries)
    {
        _initial.World.Entries[index] = (byte)entries;
        _initial.World.Index |= (byte)(1 << index);
        return this;
    }

    public Scenario Entry(int entry, int pack, int chunks)
    {
        _entryPack[entry] = (byte)pack;
        _entryChunks[entry] = (byte)chunks;
        return this;
    }

    /// <summary>A point that is there from the start, written by a session long gone.</summary>
    public Scenario OldPoint(int point, int need)
    {
        NeedOf[point] = (byte)need;
        _initial.World.Points |= (byte)(1 << point);
        return this;
    }

    /// <summary>A point that was deleted before the scenario starts; sessions may still build on it.</summary>
    public Scenario NeedOfDeleted(int point, int need)
    {
        NeedOf[point] = (byte)need;
        _initial.World.Deleted |= (byte)(1 << point);
        return this;
    }

    public Scenario PointOfSession(int point, int session, int need)
    {
        NeedOf[point] = (byte)need;
        OwnerOf[point] = session;
        PointOf[session] = point;
        return this;
    }

    public Scenario SecondPointOfSession(int point, int session)
    {
        NeedOf[point] = NeedOf[PointOf[session]];
        OwnerOf[point] = session;
        SecondPointOf[session] = point;
        return this;
    }

    public Scenario Session(int session, SessionBits bits)
    {
        _initial.World.Set(session, bits);
        return this;
    }

    public Scenario Base(int session, int point)
    {
        BaseOf[session] = point;
        return this;
    }

    public Scenario Condemnation(int slot, int packs)
    {
        _initial.World.Condemned[slot] = (byte)packs;
        _initial.World.Condemnations |= (byte)(1 << slot);
        return this;
    }

    public Scenario Registered(int collector)
    {
        _initial.World.Registered |= (byte)(1 << collector);
        return this;
    }

    /// <summary>Something that must come about in some state, lest the scenario shows that doing nothing is safe.</summary>
    public Scenario Goal(string name, Func<World, bool> isReached)
    {
        Goals.Add((name, isReached));
        return this;
    }

    public Scenario With(Actor actor)
    {
        actor.Place = _actors.Count;
        actor.Scenario = this;
        _actors.Add(actor);
        return this;
    }

    public State Initial()
    {
        var state = _initial;
        foreach (var actor in _actors) actor.Begin(ref state);
        return state;
    }

    public int PackOf(int entry) => _entryPack[entry];

    public int DamagedIn(int pack) => _damaged[pack];

    /// <summary>The chunks that these entries say are in present packs.</summary>
    public int ChunksOf(in World world, int entries, int packs)
    {
        var chunks = 0;
        for (var e = 0; e < 8; e++)
        {
            if ((entries >> e & 1) != 0 && (packs >> _entryPack[e] & 1) != 0)
            {
                chunks |= world.Chunks[_entryPack[e]] & _entryChunks[e];
            }
        }

        return chunks;
    }

    public static int EntriesIn(in World world, int index)
    {
        var entries = 0;
        for (var i = 0; i < 8; i++)
        {
            if ((index >> i & 1) != 0) entries |= world.Entries[i];
        }

        return entries;
    }

    public int PacksOf(int entries)
    {
        var packs = 0;
        for (var e = 0; e < 8; e++)
        {
            if ((entries >> e & 1) != 0) packs |= 1 << _entryPack[e];
        }

        return packs;
    }

    public bool IsValid(in World world, int point)
    {
        if ((world.Points >> point & 1) == 0) return false;
        var owner = OwnerOf[point];
        return owner < 0 || !world.Has(owner, SessionBits.Decided) || IsNamed(in world, point);
    }

    /// <summary>Whether the decision of the point's session names it. REQUIRES: a session wrote it.</summary>
    public bool IsNamed(in World world, int point) =>
        world.Has(OwnerOf[point], IsSecond(point) ? SessionBits.SecondNamed : SessionBits.Named);

    bool IsSecond(int point) => SecondPointOf[OwnerOf[point]] == point;

    /// <summary>Points that a session has written, or may write.</summary>
    public int PointsOf(int session) =>
        (PointOf[session] < 0 ? 0 : 1 << PointOf[session]) | (SecondPointOf[session] < 0 ? 0 : 1 << SecondPointOf[session]);

    /// <summary>What has been lost in this state, or nothing.</summary>
    public string? LossIn(in State state)
    {
        ref readonly var world = ref state.World;
        if (world.Fault != Fault.None) return world.Fault.ToString();
        var found = ReadableChunks(in world);
        if ((world.Succeeded & World.RepairFinished) == 0) found |= LostUntilRepair;
        for (var point = 0; point < 8; point++)
        {
            var there = (world.Points >> point & 1) != 0;
            var owner = OwnerOf[point];
            var succeeded = owner >= 0 && (world.Succeeded >> (IsSecond(point) ? owner + 4 : owner) & 1) != 0;
            if (succeeded && !there && (world.Deleted >> point & 1) == 0) return $"point {point} of a success has vanished";
            if (!there) continue;
            var valid = IsValid(in world, point);
            if (succeeded && !valid) return $"point {point} of a success is not valid";
            if (valid && (NeedOf[point] & ~found) != 0) return $"point {point} has lost chunks {NeedOf[point] & ~found:X}";
        }

        return null;
    }

    int ReadableChunks(in World world)
    {
        var entries = EntriesIn(in world, world.Index & ~UnreadableIndex);
        var chunks = 0;
        for (var e = 0; e < 8; e++)
        {
            var pack = _entryPack[e];
            if ((entries >> e & 1) == 0 || (world.Packs >> pack & 1) == 0) continue;
            chunks |= world.Chunks[pack] & _entryChunks[e] & ~_damaged[pack];
        }

        return chunks;
    }
}
