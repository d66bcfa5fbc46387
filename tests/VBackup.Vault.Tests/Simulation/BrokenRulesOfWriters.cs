using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

// The rules of writers and readers, R1 to R16 of docs/session-table.md, each broken.

/// <summary>R1: the session is put before condemnations are listed.</summary>
internal sealed class PutsSessionLate(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (IsWriter && IsSession(name))
        {
            Hold(() => base.Put(name, content));
            return;
        }
        Release();
        base.Put(name, content);
    }

    public override void Commit(IObjectWriter writer, string name)
    {
        Release();
        base.Commit(writer, name);
    }

    public override void ListingEnds(string prefix)
    {
        if (IsWriter && prefix == ObjectNames.Packs) Release();
    }
}

/// <summary>R2: condemnations are listed before packs. It reads the index and lists packs first.</summary>
internal sealed class WriterListsCondemnationsLast(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private SortedDictionary<string, byte[]>? _index;

    public override void Put(string name, byte[] content)
    {
        base.Put(name, content);
        if (!IsWriter || !IsSession(name)) return;
        Freeze(ObjectNames.Packs);
        Freeze(ObjectNames.Indexes, _index = Snapshot(ObjectNames.Indexes));
    }

    public override byte[]? Find(string name) => _index?.GetValueOrDefault(name) ?? base.Find(name);

    public override void ListingEnds(string prefix)
    {
        if (prefix != ObjectNames.Packs) return;
        Thaw(ObjectNames.Packs);
        Thaw(ObjectNames.Indexes);
        _index = null;
    }
}

/// <summary>R3, and R36 for collectors: a pack counts only if it is present.</summary>
internal sealed class CountsOnPacksThatAreGone(SimulatedWorld world, Actor actor, ActorKind kind) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) => Actor.Kind == kind && prefix == ObjectNames.Packs
        ? World.Ever.Keys.Where(IsPack).ToList() : base.Names(prefix);
}

/// <summary>R4: no condemned pack is reused.</summary>
internal sealed class SeesNoCondemnations(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) =>
        IsWriter && prefix == ObjectNames.Condemnations ? [] : base.Names(prefix);
}

/// <summary>R5: bases are checked.</summary>
internal sealed class TakesAnyBase(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override bool Exists(string name) => IsWriter && IsPoint(name) || base.Exists(name);

    public override byte[]? Find(string name) =>
        IsWriter && IsSession(name, ObjectNames.DecisionSuffix) ? null : base.Find(name);
}

/// <summary>R5: bases are checked after the session is put.</summary>
internal sealed class ChecksBaseBeforeSession(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void PutBegins(string name)
    {
        if (!IsWriter || !IsSession(name)) return;
        Freeze(ObjectNames.Points);
        Freeze(ObjectNames.Sessions);
    }

    public override void ListingBegins(string prefix) => Thaw(ObjectNames.Sessions);

    public override void Commit(IObjectWriter writer, string name)
    {
        Thaw(ObjectNames.Sessions);
        base.Commit(writer, name);
    }
}

/// <summary>R6: a pack is put before its index object.</summary>
internal sealed class PutsIndexBeforePack(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Commit(IObjectWriter writer, string name)
    {
        if (IsWriter && IsPack(name)) Hold(() => base.Commit(writer, name));
        else
        {
            Release();
            base.Commit(writer, name);
        }
    }

    public override void ListingEnds(string prefix) => Release();
}

/// <summary>R7: the point is put last.</summary>
internal sealed class PutsPointFirst(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (IsWriter && IsIndex(name)) Hold(() => base.Put(name, content));
        else base.Put(name, content);
    }

    public override void Commit(IObjectWriter writer, string name)
    {
        if (IsWriter && IsPack(name))
        {
            Hold(() => base.Commit(writer, name));
            return;
        }
        base.Commit(writer, name);
        Release();
    }
}

/// <summary>R8: the revocation is looked for.</summary>
internal sealed class IgnoresItsRevocation(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override bool Exists(string name) =>
        !(IsWriter && IsSession(name, ObjectNames.RevokedSuffix)) && base.Exists(name);
}

/// <summary>R8: the revocation is looked for after the point is put.</summary>
internal sealed class LooksForItsRevocationTooEarly(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private bool _wasRevoked;

    public override void PutBegins(string name)
    {
        if (IsWriter && IsPoint(name)) _wasRevoked = World.Exists(Actor.Registered + ObjectNames.RevokedSuffix);
    }

    public override bool Exists(string name) =>
        IsWriter && IsSession(name, ObjectNames.RevokedSuffix) ? _wasRevoked : base.Exists(name);
}

/// <summary>R9: an ended session stays.</summary>
internal sealed class EndedSessionsVanish(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        base.Put(name, content);
        if (IsSession(name, ObjectNames.EndedSuffix)) World.Delete(name[..^ObjectNames.EndedSuffix.Length]);
    }
}

/// <summary>R10: a writer whose point is in doubt does not end.</summary>
internal sealed class EndsInDoubt(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void PutFailed(string name)
    {
        if (IsPoint(name)) World.Put(Actor.Registered + ObjectNames.EndedSuffix, []);
    }
}

/// <summary>R11: a pack in doubt is not sent again under its name.</summary>
internal sealed class PacksComeBack(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        base.Delete(name);
        if (IsPack(name)) World.Scheduler.ApplyLater(Actor, "put", name, () =>
        {
            if (!World.Exists(name)) World.Put(name, World.Ever[name]);
        });
    }
}

/// <summary>R13: a reader puts a session that names its point.</summary>
internal sealed class ReadersPutNoSession(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (!IsReader || !IsSession(name)) base.Put(name, content);
    }
}

/// <summary>R14: a reader reads the index again, from a new listing, before it speaks of damage.</summary>
internal sealed class ReadersReadTheIndexOnce(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private int _listings;

    public override void ListingBegins(string prefix)
    {
        if (IsReader && prefix == ObjectNames.Indexes) _listings++;
    }

    // What the first listing showed was looked at already; a second one shows nothing more.
    public override IEnumerable<string> Names(string prefix) =>
        IsReader && (prefix == ObjectNames.Packs || prefix == ObjectNames.Indexes && _listings > 1) ? [] : base.Names(prefix);
}

/// <summary>R15: then it lists packs, and reads the footers of unnamed ones.</summary>
internal sealed class ReadersListNoPacks(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) => IsReader && prefix == ObjectNames.Packs ? [] : base.Names(prefix);
}

/// <summary>R16: then it looks for its revocation.</summary>
internal sealed class ReadersIgnoreTheirRevocation(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override bool Exists(string name) =>
        !(IsReader && IsSession(name, ObjectNames.RevokedSuffix)) && base.Exists(name);
}
