using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Collecting;

/// <summary>
/// What is live, by step 5 of a collector: everything that valid points, points named by decisions, and the bases of
/// undecided sessions reach. Held in a filter that may call a dead chunk live, never the other way round.
/// </summary>
internal sealed class LiveMark
{
    private readonly BackupVault _vault;
    private readonly BlobReader _reader;
    private readonly HashSet<ContentId> _visited = [];
    private readonly HashSet<ObjectId> _hinted = [];
    private readonly Lock _lock = new();
    private ObjectId _lastHinted;

    private LiveMark(BackupVault vault, BlobReader reader, ChunkFilter live)
    {
        _vault = vault;
        _reader = reader;
        Live = live;
    }

    public ChunkFilter Live { get; }

    /// <summary>
    /// Whether something live says that it lies in this pack. What no index object names and no footer tells can be reached by
    /// such hints alone.
    /// </summary>
    public bool IsHinted(ObjectId pack) => _hinted.Contains(pack);

    /// <summary>Points that no longer count, because their session was decided without them.</summary>
    public List<PointId> Invalid { get; } = [];

    /// <summary>A node below a base was not found; then nothing may be deleted by this mark. It may be gone, or the index was
    /// being merged while it was listed: nobody can tell which.</summary>
    public bool IsIncomplete { get; private set; }

    /// <summary>Lists and reads points, then decisions, then sessions, each after the one before; then looks for its own
    /// registration; then walks the trees.</summary>
    /// <exception cref="CollectorExpelledException">The listings may miss what a successor removed.</exception>
    /// <exception cref="DamageException">A valid point's tree cannot be read: what lies below is unknown, so nothing may go.</exception>
    public static async Task<LiveMark> RunAsync(
        BackupVault vault, Registration registration, ChunkFilter live, CancellationToken cancellation)
    {
        Dictionary<PointId, PointDocument> points = [];
        var listed = await PointList.ListAsync(vault, cancellation).ConfigureAwait(false);
        await ReadAsync(vault, listed, points, cancellation).ConfigureAwait(false);
        // A listing of its own, and what it names is read, before sessions are listed: a session that builds on a point which
        // goes meanwhile is then seen, or the point was read.
        var decided = await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false);
        await ReadAsync(vault, decided.Decisions.Values.SelectMany(named => named), points, cancellation).ConfigureAwait(false);
        var sessions = await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false);
        List<SessionDocument> undecided = [];
        foreach (var (id, seen) in sessions.Sessions)
        {
            if (!seen.Exists || decided.Decisions.ContainsKey(id)) continue;
            if (await vault.FindAsync(ObjectKind.Session, ObjectNames.Session(id), DocumentJson.Default.SessionDocument, cancellation)
                .ConfigureAwait(false) is { } session) undecided.Add(session);
        }
        await registration.EnsureHereAsync(cancellation).ConfigureAwait(false);

        var reader = new BlobReader(vault, session: null);
        await using (reader.ConfigureAwait(false))
        {
            var mark = new LiveMark(vault, reader, live);
            foreach (var (id, point) in points)
            {
                if (decided.Counts(PointList.SessionOf(point), id))
                    await mark.WalkPointAsync(id, point, cancellation).ConfigureAwait(false);
                else mark.Invalid.Add(id);
            }
            foreach (var session in undecided)
                await mark.WalkBasesAsync(session, cancellation).ConfigureAwait(false);
            return mark;
        }
    }

    // One that is gone by now was deleted.
    private static Task ReadAsync(
        BackupVault vault, IEnumerable<PointId> ids, Dictionary<PointId, PointDocument> points, CancellationToken cancellation) =>
        Bounded.ForEachAsync(ids.Where(id => !points.ContainsKey(id)).ToList(), vault.Runtime.ReadsInFlight, async id =>
        {
            if (await vault.FindPointAsync(id, cancellation).ConfigureAwait(false) is not { } point) return;
            lock (points) points[id] = point;
        });

    private async Task WalkPointAsync(PointId id, PointDocument point, CancellationToken cancellation)
    {
        foreach (var volume in point.Volumes)
        {
            if (volume.Root is null) continue;
            var root = volume.Root.ToPlace(ObjectNames.Point(id));
            try
            {
                await WalkAsync(root, CheckedLevel(volume.Levels, ObjectNames.Point(id)), lenient: false, cancellation)
                    .ConfigureAwait(false);
            }
            catch (DamageException)
            {
                if (await PointList.FindValidAsync(_vault, id, cancellation).ConfigureAwait(false) is not null) throw;
                // It was deleted, and maybe collected, while it was walked. Some session may build on it all the same.
                IsIncomplete = true;
                return;
            }
        }
    }

    private async Task WalkBasesAsync(SessionDocument session, CancellationToken cancellation)
    {
        var name = ObjectNames.Sessions + session.Id;
        foreach (var root in session.Bases.SelectMany(known => known.Roots))
            await WalkAsync(root.Root.ToPlace(name), CheckedLevel(root.Levels, name), lenient: true, cancellation).ConfigureAwait(false);
    }

    private async Task WalkAsync(BlobPlace place, int level, bool lenient, CancellationToken cancellation)
    {
        lock (_lock)
            if (!_visited.Add(place.Id)) return;
        var node = new ManifestNode();
        try
        {
            await _reader.ReadNodeAsync(place, level, node, cancellation).ConfigureAwait(false);
        }
        catch (DamageException) when (lenient)
        {
            lock (_lock) _visited.Remove(place.Id);
            IsIncomplete = true;
            return;
        }
        lock (_lock)
        {
            Note(place);
            if (level == 0)
            {
                for (var child = 0; child < FormatLimits.NodeChildren; child++)
                    if (node.Has(child)) Note(node[child]);
                return;
            }
        }
        var children = Enumerable.Range(0, FormatLimits.NodeChildren).Where(node.Has).Select(child => node[child]);
        // Leaves are many and side by side: several at once. Above them there are few.
        await Bounded.ForEachAsync(children, level == 1 ? _vault.Runtime.ReadsInFlight : 1,
            child => WalkAsync(child, level - 1, lenient, cancellation)).ConfigureAwait(false);
    }

    private void Note(in BlobPlace place)
    {
        Live.Add(place.Id);
        // Chunks that were stored together lie together.
        var pack = place.Location.Pack;
        if (pack == _lastHinted) return;
        _lastHinted = pack;
        _hinted.Add(pack);
    }

    private static int CheckedLevel(int levels, string objectName) => levels is > 0 and <= FormatLimits.TreeLevelsMax
        ? levels - 1 : throw new DamageException(objectName, $"says that a tree has {levels} levels");
}
