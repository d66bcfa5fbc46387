using System.Collections.Concurrent;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Tests.World;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>A point that was put at some time, and what became of it.</summary>
internal sealed class KnownPoint(PointDocument document, SessionId session, byte[] content)
{
    public PointDocument Document { get; } = document;
    public SessionId Session { get; } = session;
    public byte[] Content { get; } = content;

    /// <summary>The object is there.</summary>
    public bool IsPresent { get; set; } = true;

    /// <summary>The deleter took it away, or was about to.</summary>
    public bool WasDeleted { get; set; }

    /// <summary>Its writer reported success.</summary>
    public bool IsPromised { get; set; }

    /// <summary>Chunks and nodes without which it cannot be restored; null until it was seen whole.</summary>
    public HashSet<ContentId>? Needs { get; set; }
}

/// <summary>
/// What holds of the store, seen from outside: after every change it knows the packs that are present, what the index says,
/// which points are valid, and whether each can be restored.
/// </summary>
internal sealed class Truth(TestVault raw)
{
    // What a tree needs follows from its root's id alone, so all simulations share it.
    private static readonly ConcurrentDictionary<ContentId, HashSet<ContentId>> s_needs = [];

    private readonly Dictionary<ObjectId, Dictionary<ContentId, long>> _packs = [];
    private readonly Dictionary<ObjectId, List<(ContentId Id, ObjectId Pack)>> _indexes = [];
    private readonly Dictionary<ContentId, List<ObjectId>> _entries = [];
    private readonly Dictionary<SessionId, HashSet<PointId>> _decisions = [];
    private readonly Dictionary<PointId, KnownPoint> _points = [];
    private readonly Dictionary<string, byte[]> _expected = [];

    private readonly HashSet<ContentId> _lost = [];

    private byte[]? _next;

    private VaultKeys Keys => raw.Vault.Keys;

    public IEnumerable<KnownPoint> Points => _points.Values;

    /// <summary>Something that a valid point needs was in no index, for a while or for ever; null when that never was so.</summary>
    public string? Unindexed { get; private set; }

    /// <summary>The packs that are present, and the bytes that each blob takes in them.</summary>
    public IReadOnlyDictionary<ObjectId, Dictionary<ContentId, long>> Packs => _packs;

    public IEnumerable<KnownPoint> ValidPoints => _points.Values.Where(IsValid);

    /// <summary>Something was damaged, and nobody has stored it anew yet.</summary>
    public bool HasLost => _lost.Count > 0;

    public KnownPoint Find(PointDocument point) => PointId.TryParse(point.Id, out var id)
        ? _points[id] : throw new SimulationFailure("a point has no id");

    public bool IsValid(KnownPoint point) => point.IsPresent && Counts(point);

    private bool Counts(KnownPoint point) => !_decisions.TryGetValue(point.Session, out var named)
        || PointId.TryParse(point.Document.Id, out var id) && named.Contains(id);

    /// <summary>A point of this name, if it comes, is to restore to this content.</summary>
    public void Expect(string name, byte[] content) => _expected.TryAdd(name, content);

    /// <summary>The next point to come is to restore to this content.</summary>
    public void ExpectNext(byte[] content) => _next = content;

    /// <summary>Its writer has reported success.</summary>
    public void Promise(PointDocument point)
    {
        Find(point).IsPromised = true;
        CheckPromises();
    }

    /// <summary>A chunk was damaged where it lay, without anybody's fault. Once stored anew, it must not be lost again.</summary>
    public void WasDamaged(ObjectId pack, ContentId id)
    {
        _packs[pack].Remove(id);
        if (!IsIndexed(id)) _lost.Add(id);
    }

    public void WasPut(string name, byte[] content)
    {
        if (ObjectNames.TryParsePack(name, out var pack)) AddPack(pack, content);
        else if (ObjectNames.TryParseIndex(name, out var index)) AddIndex(index, content);
        else if (ObjectNames.TryParsePoint(name, out var point)) AddPoint(point, name, content);
        else if (ObjectNames.TryParseSession(name, out var session, out var suffix) && suffix == ObjectNames.DecisionSuffix)
            Decide(session, name, content);
    }

    public void WasDeleted(string name)
    {
        if (ObjectNames.TryParsePack(name, out var pack) && _packs.Remove(pack)
            || ObjectNames.TryParseIndex(name, out var index) && RemoveIndex(index)
            || ObjectNames.TryParseSession(name, out var session, out var suffix) && suffix == ObjectNames.DecisionSuffix
                && _decisions.Remove(session)) CheckAll();
        else if (ObjectNames.TryParsePoint(name, out var point) && _points.TryGetValue(point, out var known))
        {
            known.IsPresent = false;
            CheckPromises();
        }
    }

    private void AddPack(ObjectId id, byte[] content)
    {
        using var cipher = new ObjectCipher(Keys, ObjectKind.Pack, id);
        Dictionary<ContentId, long> held = [];
        foreach (var entry in PackFooter.Decode(cipher, content, content.Length)) held[entry.Id] = entry.Length;
        if (!_packs.TryAdd(id, held))
            throw new SimulationFailure($"pack {id} was put twice");
    }

    private void AddIndex(ObjectId id, byte[] content)
    {
        using var cipher = new ObjectCipher(Keys, ObjectKind.Index, id);
        var footer = IndexCodec.DecodeFooter(cipher, content, content.Length);
        List<(ContentId, ObjectId)> entries = [];
        var plaintext = new byte[FormatLimits.IndexBlockEntries * IndexEntry.Size];
        for (var block = 0; block < footer.Fences.Length; block++)
        {
            var length = footer.EntriesIn(block) * IndexEntry.Size;
            var sealedBytes = content.AsSpan((int)IndexCodec.BlockOffset(block), length + FormatLimits.TagSize);
            IndexCodec.OpenBlock(cipher, block, sealedBytes, plaintext.AsSpan(0, length));
            for (var at = 0; at < length; at += IndexEntry.Size)
            {
                var entry = IndexEntry.Read(plaintext.AsSpan(at));
                entries.Add((entry.Id, footer.Packs[entry.Pack]));
                if (!_entries.TryGetValue(entry.Id, out var packs)) _entries.Add(entry.Id, packs = []);
                packs.Add(footer.Packs[entry.Pack]);
            }
        }
        RemoveIndex(id);
        _indexes.Add(id, entries);
        _lost.RemoveWhere(IsIndexed);
    }

    private bool RemoveIndex(ObjectId id)
    {
        if (!_indexes.Remove(id, out var entries)) return false;
        foreach (var (content, pack) in entries) _entries[content].Remove(pack);
        return true;
    }

    private void AddPoint(PointId id, string name, byte[] content)
    {
        var document = SealedDocument.OpenJson(Keys, ObjectKind.Point, name, content, DocumentJson.Default.PointDocument);
        if (!SessionId.TryParse(document.Session, out var session)) throw new SimulationFailure($"{name} names no session");
        var known = new KnownPoint(document, session, _expected.GetValueOrDefault(name) ?? _next!);
        if (!_points.TryAdd(id, known)) throw new SimulationFailure($"{name} was put twice");
        if (!IsValid(known)) return;
        FindNeeds(known);
        Check(known);
    }

    private void Decide(SessionId session, string name, byte[] content)
    {
        var document = SealedDocument.OpenJson(Keys, ObjectKind.Decision, name, content, DocumentJson.Default.DecisionDocument);
        HashSet<PointId> named = [];
        foreach (var text in document.Points)
            if (PointId.TryParse(text, out var point)) named.Add(point);
        _decisions[session] = named;
        CheckAll();
    }

    private void CheckPromises()
    {
        foreach (var point in _points.Values)
            if (point is { IsPromised: true, WasDeleted: false } && !IsValid(point))
                throw new SimulationFailure($"points/{point.Document.Id} counts no longer, although its writer reported success");
    }

    /// <summary>Checks that every valid point can be restored.</summary>
    public void CheckAll()
    {
        CheckPromises();
        foreach (var point in _points.Values)
            if (IsValid(point)) Check(point);
    }

    private void Check(KnownPoint point)
    {
        FindNeeds(point);
        foreach (var id in point.Needs!)
        {
            if (IsIndexed(id) || _lost.Contains(id)) continue;
            Restore(point);
            // It lies where the tree's hint says, or in a pack whose footer names it. So a reader finds it, but no writer does.
            Unindexed ??= $"points/{point.Document.Id} was valid when {id} was in no index";
            return;
        }
    }

    private bool IsIndexed(ContentId id)
    {
        if (!_entries.TryGetValue(id, out var packs)) return false;
        foreach (var pack in packs)
            if (_packs.TryGetValue(pack, out var held) && held.ContainsKey(id)) return true;
        return false;
    }

    private void FindNeeds(KnownPoint point)
    {
        if (point.Needs is not null) return;
        var volume = point.Document.Volumes[0];
        if (volume.Root is null)
        {
            point.Needs = [];
            return;
        }
        var root = volume.Root.ToPlace("").Id;
        if (!s_needs.TryGetValue(root, out var needs))
        {
            Restore(point);
            s_needs.TryAdd(root, needs = SimulatedWorld.Now(WalkAsync(point.Document)));
        }
        point.Needs = needs;
    }

    private async Task<HashSet<ContentId>> WalkAsync(PointDocument point)
    {
        await using var reader = new BlobReader(raw.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        HashSet<ContentId> needs = [];
        var leaf = new ManifestNode();
        await foreach (var index in tree.PresentLeavesAsync(default))
        {
            for (var level = 0; level < tree.Shape.Levels; level++)
                needs.Add((await tree.PlaceOfAsync(level, index / TreeShape.ChunksPerChild(level), default))!.Value.Id);
            await tree.ReadLeafAsync(index, leaf, default);
            for (var child = 0; child < FormatLimits.NodeChildren; child++)
                if (leaf.Has(child)) needs.Add(leaf[child].Id);
        }
        return needs;
    }

    private async Task<byte[]> RestoreAsync(PointDocument point)
    {
        await using var reader = new BlobReader(raw.Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes[0]);
        var content = new byte[tree.Shape.LengthBytes];
        var leaf = new ManifestNode();
        await foreach (var index in tree.PresentLeavesAsync(default))
        {
            await tree.ReadLeafAsync(index, leaf, default);
            for (var child = 0; child < FormatLimits.NodeChildren; child++)
            {
                if (!leaf.Has(child)) continue;
                var chunk = index * FormatLimits.NodeChildren + child;
                await reader.ReadChunkAsync(leaf[child],
                    content.AsMemory((int)chunk * tree.Shape.ChunkSize, tree.Shape.ChunkLength(chunk)), default);
            }
        }
        return content;
    }

    /// <summary>Restores a point from the store as it is, and compares every byte.</summary>
    public void Restore(KnownPoint point)
    {
        byte[] restored;
        try
        {
            restored = SimulatedWorld.Now(RestoreAsync(point.Document));
        }
        catch (DamageException damage)
        {
            throw new SimulationFailure($"points/{point.Document.Id} is valid and cannot be restored: {damage.Message}", damage);
        }
        if (!restored.AsSpan().SequenceEqual(point.Content))
            throw new SimulationFailure($"points/{point.Document.Id} is valid and restores to something else");
    }
}
