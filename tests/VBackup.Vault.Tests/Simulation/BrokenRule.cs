using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>
/// A view that makes its actor break a rule: it can show names, or a folder's whole content, as they were before, and keep
/// back what was to be put or deleted.
/// </summary>
internal abstract class BrokenRule(SimulatedWorld world, Actor actor) : StoreView(world, actor)
{
    private readonly Dictionary<string, SortedDictionary<string, byte[]>> _past = [];
    private readonly List<Action> _held = [];

    protected bool IsWriter => Actor.Kind == ActorKind.Writer;
    protected bool IsReader => Actor.Kind == ActorKind.Reader;
    protected bool IsCollector => Actor.Kind == ActorKind.Collector;

    /// <summary>Between a revocation and its decision: the listing of points is not a mark's.</summary>
    protected bool IsDeciding { get; private set; }

    /// <summary>A collector has condemned packs.</summary>
    protected bool HasCondemned { get; private set; }

    /// <summary>From the mark's listing of points to its look for the registration.</summary>
    protected bool IsMarking { get; private set; }

    /// <summary>Listings of sessions that this mark has begun.</summary>
    protected int SessionListings { get; private set; }

    protected static bool IsPack(string name) => Below(name, ObjectNames.Packs);
    protected static bool IsIndex(string name) => Below(name, ObjectNames.Indexes);
    protected static bool IsPoint(string name) => Below(name, ObjectNames.Points);
    protected static bool IsCondemnation(string name) => Below(name, ObjectNames.Condemnations);
    protected static bool IsRegistration(string name) => Below(name, ObjectNames.Collectors);
    protected static bool IsSession(string name, string suffix = "") =>
        ObjectNames.TryParseSession(name, out _, out var found) && found == suffix;

    private static bool Below(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal);

    /// <summary>The folder as it is now.</summary>
    protected SortedDictionary<string, byte[]> Snapshot(string prefix)
    {
        var snapshot = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in World.Names(prefix)) snapshot.Add(name, World.Find(name)!);
        return snapshot;
    }

    /// <summary>A session's object that names no bases.</summary>
    protected byte[] WithoutBases(string name, byte[] session)
    {
        var keys = World.Raw.Vault.Keys;
        var document = SealedDocument.OpenJson(keys, ObjectKind.Session, name, session, DocumentJson.Default.SessionDocument);
        return SealedDocument.SealJson(
            keys, ObjectKind.Session, name, document with { Bases = [] }, DocumentJson.Default.SessionDocument);
    }

    /// <summary>From now on the actor sees the folder as it is now, or was.</summary>
    protected void Freeze(string prefix, SortedDictionary<string, byte[]>? past = null) => _past[prefix] = past ?? Snapshot(prefix);

    protected void Thaw(string prefix) => _past.Remove(prefix);

    /// <summary>Keeps something back until the release.</summary>
    protected void Hold(Action action) => _held.Add(action);

    protected void Release()
    {
        Action[] held = [.. _held];
        _held.Clear();
        foreach (var action in held) action();
    }

    public override IEnumerable<string> Names(string prefix)
    {
        foreach (var (folder, past) in _past)
            if (Below(prefix, folder)) return past.Keys.Where(name => Below(name, prefix));
        return base.Names(prefix);
    }

    // Of frozen packs and index objects only the names are old: what is read is what is there.
    public override byte[]? Find(string name)
    {
        foreach (var (folder, past) in _past)
            if (Below(name, folder) && folder != ObjectNames.Packs && folder != ObjectNames.Indexes) return past.GetValueOrDefault(name);
        return base.Find(name);
    }

    public override void ListingBegins(string prefix)
    {
        if (!IsCollector || IsDeciding) return;
        if (prefix == ObjectNames.Points)
        {
            (IsMarking, SessionListings) = (true, 0);
            MarkBegins();
        }
        if (IsMarking && prefix == ObjectNames.Sessions) SessionListings++;
    }

    /// <summary>A mark is about to list points.</summary>
    protected virtual void MarkBegins() { }

    /// <summary>A mark has looked for its registration.</summary>
    protected virtual void MarkEnds() { }

    public override bool Exists(string name)
    {
        if (IsMarking && name == Actor.Registered)
        {
            IsMarking = false;
            MarkEnds();
        }
        return base.Exists(name);
    }

    public override void Put(string name, byte[] content)
    {
        if (IsCondemnation(name)) HasCondemned = true;
        if (IsSession(name, ObjectNames.RevokedSuffix)) IsDeciding = true;
        base.Put(name, content);
    }

    public override bool CreateOnce(string name, byte[] content)
    {
        IsDeciding = false;
        return base.CreateOnce(name, content);
    }
}
