using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

// The rules of deleting, of ended sessions and of repair, R33 to R49 of docs/session-table.md, each broken.

/// <summary>R33: a copy in a pack that another condemned does not count.</summary>
internal sealed class SeesNoOthersCondemnations(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) => IsCollector && prefix == ObjectNames.Condemnations
        ? base.Names(prefix).Where(name => name.Contains(Actor.Registered[ObjectNames.Collectors.Length..], StringComparison.Ordinal))
        : base.Names(prefix);
}

/// <summary>R34: a copy in a pack that itself condemned does not count.</summary>
internal sealed class SeesNoCondemnationsOfItsOwn(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) => IsCollector && prefix == ObjectNames.Condemnations
        ? base.Names(prefix).Where(name => !name.Contains(Actor.Registered[ObjectNames.Collectors.Length..], StringComparison.Ordinal))
        : base.Names(prefix);
}

/// <summary>R35: condemnations are listed before packs in step 6. The index is still read before packs are listed.</summary>
internal sealed class CollectorListsCondemnationsLast(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingBegins(string prefix)
    {
        base.ListingBegins(prefix);
        if (!IsCollector || !HasCondemned || prefix != ObjectNames.Condemnations) return;
        Freeze(ObjectNames.Indexes);
        Freeze(ObjectNames.Packs);
    }

    public override void ListingEnds(string prefix)
    {
        if (prefix is ObjectNames.Indexes or ObjectNames.Packs) Thaw(prefix);
    }

    // It has read them by now.
    public override byte[]? Find(string name) =>
        base.Find(name) ?? (HasCondemned && IsIndex(name) ? World.Ever.GetValueOrDefault(name) : null);
}

/// <summary>R37: a copy counts only in an indexed pack. Packs that no index object names seem to be named by one.</summary>
internal sealed class CountsOnUnindexedPacks(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private readonly SortedDictionary<string, byte[]> _invented = new(StringComparer.Ordinal);

    public override void ListingBegins(string prefix)
    {
        base.ListingBegins(prefix);
        if (!IsCollector || !HasCondemned || IsMarking || prefix != ObjectNames.Indexes) return;
        var vault = World.Raw.Vault;
        HashSet<ObjectId> named = [];
        foreach (var (name, content) in Snapshot(ObjectNames.Indexes))
        {
            if (!ObjectNames.TryParseIndex(name, out var id)) continue;
            using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Index, id);
            named.UnionWith(IndexCodec.DecodeFooter(cipher, content, content.Length).Packs);
        }
        foreach (var name in World.Names(ObjectNames.Packs))
        {
            if (!ObjectNames.TryParsePack(name, out var pack) || named.Contains(pack)) continue;
            var (id, bytes) = PackFooters.Index(vault, pack, SimulatedWorld.Now(PackFooters.ReadAsync(vault, pack, default)));
            _invented[ObjectNames.Index(id)] = bytes;
        }
    }

    public override IEnumerable<string> Names(string prefix) => prefix == ObjectNames.Indexes
        ? base.Names(prefix).Concat(_invented.Keys).Order(StringComparer.Ordinal) : base.Names(prefix);

    public override byte[]? Find(string name) => _invented.GetValueOrDefault(name) ?? base.Find(name);
}

/// <summary>R38: a pack that no index object seen names is read by its footer.</summary>
internal sealed class TakesUnindexedPacksForEmpty(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override byte[]? FindTail(string name)
    {
        if (!IsCollector || !ObjectNames.TryParsePack(name, out var id) || !World.Exists(name)) return base.FindTail(name);
        using var cipher = new ObjectCipher(World.Raw.Vault.Keys, ObjectKind.Pack, id);
        var content = new byte[ObjectHeader.Size + PackFooter.Size(0)];
        ObjectHeader.Write(content, ObjectKind.Pack, id);
        PackFooter.Encode(cipher, [], content.AsSpan(ObjectHeader.Size));
        return content;
    }
}

/// <summary>R39: all of a pack's entries are in each index object that names it.</summary>
internal sealed class SplitsIndexObjects(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (!ObjectNames.TryParseIndex(name, out var id))
        {
            base.Put(name, content);
            return;
        }
        using var cipher = new ObjectCipher(World.Raw.Vault.Keys, ObjectKind.Index, id);
        var footer = IndexCodec.DecodeFooter(cipher, content, content.Length);
        var plaintext = new byte[footer.EntriesIn(0) * IndexEntry.Size];
        IndexCodec.OpenBlock(cipher, 0,
            content.AsSpan((int)IndexCodec.BlockOffset(0), plaintext.Length + FormatLimits.TagSize), plaintext);
        for (var part = 0; part < 2; part++)
        {
            List<IndexEntry> entries = [];
            for (var at = part; at < plaintext.Length / IndexEntry.Size; at += 2)
                entries.Add(IndexEntry.Read(plaintext.AsSpan(at * IndexEntry.Size)));
            if (entries.Count == 0) continue;
            var (half, bytes) = IndexObjectBytes.Encode(World.Raw.Vault, footer.Packs, entries);
            base.Put(ObjectNames.Index(half), bytes);
        }
    }
}

/// <summary>R40: merged index objects are put before those that they replace are deleted.</summary>
internal sealed class DeletesIndexBeforeMerging(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Commit(IObjectWriter writer, string name)
    {
        if (IsCollector && IsIndex(name)) Hold(() => base.Commit(writer, name));
        else base.Commit(writer, name);
    }

    public override void ListingBegins(string prefix)
    {
        base.ListingBegins(prefix);
        Release();
    }
}

/// <summary>R41: entries are dropped only for packs that are absent from a later listing.</summary>
internal sealed class ListsPacksBeforeIndex(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingBegins(string prefix)
    {
        base.ListingBegins(prefix);
        if (IsCollector && prefix == ObjectNames.Indexes) Freeze(ObjectNames.Packs);
    }

    public override void ListingEnds(string prefix)
    {
        if (prefix == ObjectNames.Packs) Thaw(prefix);
    }
}

/// <summary>R42: only index objects that were read are replaced.</summary>
internal sealed class ReplacesIndexObjectsUnread(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private readonly HashSet<string> _known = [];

    public override void Commit(IObjectWriter writer, string name)
    {
        _known.Add(name);
        base.Commit(writer, name);
    }

    public override byte[]? Find(string name)
    {
        _known.Add(name);
        return base.Find(name);
    }

    public override void Delete(string name)
    {
        base.Delete(name);
        if (!IsCollector || !IsIndex(name)) return;
        foreach (var unread in World.Names(ObjectNames.Indexes).Where(other => !_known.Contains(other))) base.Delete(unread);
    }
}

/// <summary>R43: a condemnation stays while deletes are in doubt.</summary>
internal sealed class DeletesPacksLate(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        if (IsPack(name)) World.Scheduler.ApplyLater(Actor, "delete", name, () => base.Delete(name));
        else base.Delete(name);
    }
}

/// <summary>R44: a condemnation is removed after its packs.</summary>
internal sealed class RemovesCondemnationsFirst(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    // The index comes with the packs, before them as ever.
    public override void Commit(IObjectWriter writer, string name)
    {
        if (IsCollector && IsIndex(name)) Hold(() => base.Commit(writer, name));
        else base.Commit(writer, name);
    }

    public override void Delete(string name)
    {
        if (IsPack(name) || IsIndex(name))
        {
            Hold(() => base.Delete(name));
            return;
        }
        base.Delete(name);
        if (name == Actor.Registered) Release();
    }
}

/// <summary>R45: another's condemnation is removed only when its packs are gone.</summary>
internal sealed class RemovesOthersCondemnations(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        base.Delete(name);
        if (!IsRegistration(name) || name == Actor.Registered) return;
        var other = name[ObjectNames.Collectors.Length..];
        foreach (var condemnation in World.Names($"{ObjectNames.Condemnations}{other}/")) base.Delete(condemnation);
    }
}

/// <summary>R46: ended sessions are removed only when no other collector is registered.</summary>
internal sealed class SeesNoOtherCollectors(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) =>
        IsCollector && prefix == ObjectNames.Collectors ? [Actor.Registered] : base.Names(prefix);
}

/// <summary>R47: ended sessions are listed before collectors. It goes by the collectors that it listed the time before.</summary>
internal sealed class ListsCollectorsBeforeEnded(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingEnds(string prefix)
    {
        if (IsCollector && prefix == ObjectNames.Collectors) Freeze(ObjectNames.Collectors);
    }

    public override bool Exists(string name) => base.Exists(name) && (!IsRegistration(name) || World.Exists(name));
}

/// <summary>R48: a collector counts until it is expelled.</summary>
internal sealed class ExpelsNobody(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        if (!IsRegistration(name) || name == Actor.Registered) base.Delete(name);
    }
}

/// <summary>R12: a registration in doubt is not sent again under its name.</summary>
internal sealed class RegistrationsComeBack(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        base.Delete(name);
        if (IsRegistration(name) && name != Actor.Registered)
            World.Scheduler.ApplyLater(Actor, "put", name, () => World.Put(name, World.Ever[name]));
    }
}

/// <summary>R49: damaged packs are condemned before chunks are stored anew.</summary>
internal sealed class CondemnsDamagedLast(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (Actor.Kind == ActorKind.Repairer && IsCondemnation(name))
        {
            Hold(() => base.Put(name, content));
            return;
        }
        if (IsSession(name, ObjectNames.EndedSuffix)) Release();
        base.Put(name, content);
    }
}
