using System.Text.Json;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>
/// One run that writes a restore point: the writer of <c>docs/session-protocol.md</c>. Lanes may be used in parallel, one
/// worker each; volumes one after another or side by side; then publish once.
/// </summary>
public sealed partial class BackupWriter : IAsyncDisposable
{
    /// <summary>Notes of other runs that are read at the start.</summary>
    private const int NotesMax = 64;

    private readonly BackupVault _vault;
    private readonly Session _session;
    private readonly RecentChunks _recent;
    private readonly List<ChunkLane> _lanes = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _nodeGate = new(1);
    private readonly byte[] _nodeBytes = new byte[ManifestNode.EncodedSizeMax];
    private readonly Dictionary<string, VolumeTree> _baseTrees = [];
    private readonly PackCommitter _committer;
    private readonly SpoolRun? _spool;
    private readonly SemaphoreSlim _surveyGate = new(1);
    private HashSet<ObjectId> _condemned = [];
    private VaultSurvey? _leftovers;
    private volatile VaultSurvey? _survey;
    private ChunkLane? _nodes;
    private bool _isSpoolEnded;

    private BackupWriter(BackupVault vault, Session session, SpoolRun? spool)
    {
        _vault = vault;
        _session = session;
        _spool = spool;
        _recent = new(vault.Runtime.RecentChunks);
        _committer = new(vault, (bytes, id) => _survey?.Index.Add(bytes.Span, id), session, spool);
        Reader = new(vault, session);
    }

    /// <summary>The base that was asked for, if it is valid; a run without it reads everything.</summary>
    public PointDocument? Base { get; private set; }

    /// <summary>Reads the base's trees.</summary>
    public BlobReader Reader { get; }

    public BackupVault Vault => _vault;

    /// <summary>The tree of one of the base's volumes. REQUIRES: the run has a base.</summary>
    public VolumeTree BaseTree(VolumeDocument volume) =>
        _baseTrees.TryGetValue(volume.Name, out var tree) ? tree : VolumeTree.Open(Reader, Base!, volume);

    /// <summary>Registers the session, then looks at what may be reused.</summary>
    /// <param name="basePoint">The point to build on, or null for a run that looks for known chunks in the whole vault.</param>
    /// <param name="spool">Where packs land first; null for none.</param>
    /// <param name="session">A new id that somebody else knows already, who will settle what became of the run; null for one of its
    /// own.</param>
    public static async Task<BackupWriter> StartAsync(BackupVault vault, string purpose, PointDocument? basePoint,
        CancellationToken cancellation, PackSpool? spool = null, SessionId? session = null)
    {
        var begun = await Session.BeginAsync(vault, session ?? SessionId.New(vault.Runtime.FillRandom), purpose,
            basePoint is null ? [] : [Session.BaseOf(basePoint)], outlivesProcess: spool is not null, cancellation).ConfigureAwait(false);
        SpoolRun? part;
        try
        {
            part = spool is null ? null : await spool.BeginAsync(begun.Id, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await begun.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var run = new BackupWriter(vault, begun, part);
        try
        {
            await run.PrepareAsync(basePoint, cancellation).ConfigureAwait(false);
            return run;
        }
        catch
        {
            await run.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task PrepareAsync(PointDocument? basePoint, CancellationToken cancellation)
    {
        if (basePoint is null)
        {
            await LookEverywhereAsync(cancellation).ConfigureAwait(false);
            return;
        }
        var valid = _session.IsValidNowAsync(basePoint, cancellation);
        var others = SessionList.ListAsync(_vault, cancellation);
        // The roots are wanted next; reading them does not depend on what the check says.
        var roots = ReadRootsAsync(basePoint, cancellation);
        var condemned = ReadCondemnedAsync(cancellation);
        await Task.WhenAll(valid, others, roots, condemned).ConfigureAwait(false);
        _condemned = await condemned.ConfigureAwait(false);
        if (!await valid.ConfigureAwait(false))
        {
            await LookEverywhereAsync(cancellation).ConfigureAwait(false);
            return;
        }
        Base = basePoint;
        await LookAtLeftoversAsync(await others.ConfigureAwait(false), cancellation).ConfigureAwait(false);
        _nodes = OpenLane();
    }

    /// <summary>
    /// From now on known chunks are looked for in the whole vault. Runs without a base do so from the start; a run with one
    /// does when it meets a volume that the base does not have.
    /// </summary>
    public async Task LookEverywhereAsync(CancellationToken cancellation)
    {
        await _surveyGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _survey ??= await VaultSurvey.ReadAsync(_vault, IndexUse.Deduplicate, tolerant: false, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _surveyGate.Release();
        }
    }

    private async Task<HashSet<ObjectId>> ReadCondemnedAsync(CancellationToken cancellation)
    {
        // Of what cannot be read nothing is known, as if it had been put a moment later.
        List<DamageException> unreadable = [];
        var all = await Condemnations.ReadAsync(_vault, unreadable, cancellation).ConfigureAwait(false);
        return [.. all.SelectMany(condemnation => condemnation.Packs)];
    }

    /// <summary>
    /// Whether a chunk of the base may serve again although its content is in hand. It may not when its pack had been condemned
    /// at the start: a repair may have found it damaged. Another copy is looked for then, in the whole vault.
    /// </summary>
    public async ValueTask<bool> MayReuseAsync(BlobPlace place, CancellationToken cancellation)
    {
        if (_condemned.Count == 0 || !_condemned.Contains(place.Location.Pack)) return true;
        await LookEverywhereAsync(cancellation).ConfigureAwait(false);
        return false;
    }

    // Runs on the same base that failed, or were killed, or are under way, have left a note of what they had put. What they
    // uploaded need not be uploaded again.
    private async Task LookAtLeftoversAsync(SessionList others, CancellationToken cancellation)
    {
        HashSet<ObjectId> indexes = [];
        var noted = others.Sessions.Where(other => other.Value.HasBeat && other.Key != _session.Id).Select(other => other.Key)
            .Take(NotesMax);
        await Bounded.ForEachAsync(noted, _vault.Runtime.ReadsInFlight, async id =>
        {
            foreach (var index in await NotedIndexesAsync(id, cancellation).ConfigureAwait(false))
                lock (indexes) indexes.Add(index);
        }).ConfigureAwait(false);
        if (indexes.Count == 0) return;
        try
        {
            _leftovers = await VaultSurvey.ReadAsync(_vault, IndexUse.Deduplicate, tolerant: false, cancellation, indexes)
                .ConfigureAwait(false);
        }
        catch (DamageException)
        {
            // It only saves an upload. Of what cannot be read, nothing is reused.
        }
    }

    private async Task<List<ObjectId>> NotedIndexesAsync(SessionId id, CancellationToken cancellation)
    {
        List<ObjectId> noted = [];
        try
        {
            var note = await _vault.FindAsync(ObjectKind.SessionNote, ObjectNames.Beat(id), DocumentJson.Default.NoteDocument, cancellation)
                .ConfigureAwait(false);
            if (note?.Indexes is null || note.Base != Base!.Id) return noted;
            foreach (var text in note.Indexes)
                if (ObjectNames.TryParseIndex(ObjectNames.Indexes + text, out var index)) noted.Add(index);
        }
        catch (DamageException)
        {
            // Another run's note is only a hint.
        }
        return noted;
    }

    private async Task ReadRootsAsync(PointDocument basePoint, CancellationToken cancellation)
    {
        foreach (var volume in basePoint.Volumes)
            _baseTrees.TryAdd(volume.Name, VolumeTree.Open(Reader, basePoint, volume));
        try
        {
            foreach (var tree in _baseTrees.Values)
                if (tree.Shape.Levels > 1) await tree.InnerAsync(tree.Shape.Levels - 1, 0, cancellation).ConfigureAwait(false);
        }
        catch (DamageException)
        {
            // Of a base that is gone. Of a valid one, the export meets the same damage and names it.
        }
    }

    /// <summary>A new lane; the run owns it.</summary>
    public ChunkLane OpenLane()
    {
        // A run with a base is short: the first pack is likely its last.
        var packs = new PackWriter(_vault, _committer) { OpensAllAhead = Base is null };
        packs.OpenAhead();
        var lane = new ChunkLane(this, packs, _vault.Runtime.CompressionLevel);
        lock (_lock) _lanes.Add(lane);
        return lane;
    }

    /// <summary>Stores a manifest node unless the vault is known to have it.</summary>
    /// <returns>Its place, and the bytes that were new.</returns>
    internal async ValueTask<(BlobPlace Place, long StoredBytes)> StoreNodeAsync(ManifestNode node, CancellationToken cancellation)
    {
        var id = node.ComputeId(_vault.Keys);
        if (TryFind(id, out var known)) return (new(id, known), 0);
        await _nodeGate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _nodes ??= OpenLane();
            var length = node.Encode(_nodeBytes);
            var place = await _nodes.StoreNewAsync(id, _nodeBytes.AsMemory(0, length), isNode: true, cancellation).ConfigureAwait(false);
            return (place, place.Location.Length);
        }
        finally
        {
            _nodeGate.Release();
        }
    }

    /// <summary>Whether all was read, and lies in the spool: the run can be finished without its sources, by anybody.</summary>
    public bool IsSealed { get; private set; }

    /// <summary>
    /// Ends the reading: all that the run stored is durable, in the spool at least. Without a spool it does nothing. The point is the
    /// one that has to be published.
    /// </summary>
    public async Task SealAsync(
        string name, PointType type, JsonElement? metadata, IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        if (_spool is null) return;
        await CloseLanesAsync(cancellation).ConfigureAwait(false);
        await _committer.SpooledAsync(cancellation).ConfigureAwait(false);
        await _spool.SealAsync(new()
        {
            Session = _session.Id.ToString(),
            Name = name,
            Type = type,
            Base = type == PointType.Incremental ? Base?.Id : null,
            Metadata = metadata,
            Volumes = volumes,
        }, cancellation).ConfigureAwait(false);
        IsSealed = true;
    }

    /// <summary>Makes every chunk and node durable and indexed, puts the point, and ends the session.</summary>
    /// <exception cref="SessionRevokedException">A collector took this run for dead; the point does not count.</exception>
    public async Task<PointDocument> PublishAsync(
        string name, PointType type, JsonElement? metadata, IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        if (!IsSealed) await SealAsync(name, type, metadata, volumes, cancellation).ConfigureAwait(false);
        var id = PointId.New(_vault.Runtime.FillRandom);
        return await PublishAsync(id, new PointDocument
        {
            Id = id.ToString(),
            Session = _session.Id.ToString(),
            CreatedAt = _vault.Clock.GetUtcNow(),
            Name = name,
            Type = type,
            Base = type == PointType.Incremental ? Base?.Id : null,
            Metadata = metadata,
            Volumes = volumes,
        }, cancellation).ConfigureAwait(false);
    }

    private async Task<PointDocument> PublishAsync(PointId id, PointDocument point, CancellationToken cancellation)
    {
        // Opened beside the last packs; what it holds appears at its commit.
        var opening = _vault.Store.OpenWriterAsync(ObjectNames.Point(id), cancellation).AsTask();
        try
        {
            await Task.WhenAll(opening, FlushAsync(cancellation)).ConfigureAwait(false);
        }
        catch
        {
            if (opening.IsCompletedSuccessfully) await (await opening.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
            throw;
        }
        var writer = await opening.ConfigureAwait(false);
        await using (writer.ConfigureAwait(false))
        {
            point = await HoldAsync(point, cancellation).ConfigureAwait(false);
            await PublishAsync(id, writer, point, cancellation).ConfigureAwait(false);
        }
        await EndPublishedAsync(id, cancellation).ConfigureAwait(false);
        return point;
    }

    // Whatever the point needs is there by now; from when the point is, it can go no more.
    private async Task<PointDocument> HoldAsync(PointDocument point, CancellationToken cancellation) =>
        _vault.Runtime.HoldsFor is { } holdsFor
            ? point with
            {
                HeldUntil = await PointHold.HoldAsync(_vault, Reader, point.Volumes, Base, holdsFor, cancellation).ConfigureAwait(false),
            }
            : point;

    // From here on the point counts, whatever becomes of the farewell.
    private async Task EndPublishedAsync(PointId id, CancellationToken cancellation)
    {
        if (_vault.Runtime.HoldsFor is { } holdsFor)
            await PointHold.HoldObjectAsync(_vault, id, holdsFor, cancellation).ConfigureAwait(false);
        IsSealed = false;
        await _session.LeaveAsync(leavesNothing: true).ConfigureAwait(false);
        _isSpoolEnded = true;
        if (_spool is null) return;
        try
        {
            await _spool.EndAsync(discards: false, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is StoreException or OperationCanceledException)
        {
            // The point is there. Whoever takes up what is left in the spool finds that, and only tidies.
        }
    }

    // The writer fences the point: it cannot arrive a second time after its deletion (F5).
    private async Task PublishAsync(PointId id, IObjectWriter writer, PointDocument point, CancellationToken cancellation)
    {
        await writer.AppendAsync(SealedDocument.SealJson(
            _vault.Keys, ObjectKind.Point, ObjectNames.Point(id), point, DocumentJson.Default.PointDocument), cancellation)
                .ConfigureAwait(false);
        if (_spool is not null) await _spool.NotePointAsync(id, cancellation).ConfigureAwait(false);
        _session.PointInDoubt = true;
        try
        {
            await writer.CommitAsync(cancellation).ConfigureAwait(false);
        }
        catch (StoreException discarded) when (discarded.Failure == StoreFailure.NotFound)
        {
            // A collector that took the run for dead discards what it left unfinished.
            await _session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
            throw;
        }
        _session.PointInDoubt = false;
        await _session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes everything stored so far durable and indexed.</summary>
    internal async Task FlushAsync(CancellationToken cancellation)
    {
        await CloseLanesAsync(cancellation).ConfigureAwait(false);
        await _committer.FinishAsync(cancellation).ConfigureAwait(false);
    }

    private async Task CloseLanesAsync(CancellationToken cancellation)
    {
        ChunkLane[] lanes;
        lock (_lock) lanes = [.. _lanes];
        foreach (var lane in lanes) await lane.CloseAsync(cancellation).ConfigureAwait(false);
    }

    internal bool TryFind(ContentId id, out BlobLocation location) =>
        _recent.TryFind(id, out location) || _survey?.Index.TryFindUsable(id, out location) == true
        || _leftovers?.Index.TryFindUsable(id, out location) == true;

    internal void Remember(in BlobPlace place) => _recent.Add(place);

    /// <summary>Ends the run; without a publish before, nothing of it counts. One that is sealed waits in the spool.</summary>
    public async ValueTask DisposeAsync()
    {
        // Each may have an upload to take back, at a store that does not answer.
        await Task.WhenAll(_lanes.Select(lane => lane.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _committer.DisposeAsync().ConfigureAwait(false);
        await Reader.DisposeAsync().ConfigureAwait(false);
        if (_survey is { } survey) await survey.DisposeAsync().ConfigureAwait(false);
        if (_leftovers is not null) await _leftovers.DisposeAsync().ConfigureAwait(false);
        _surveyGate.Dispose();
        _nodeGate.Dispose();
        if (IsSealed) await _session.SuspendAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
        if (_spool is null) return;
        await using (_spool.ConfigureAwait(false)) await DiscardSpooledAsync().ConfigureAwait(false);
    }

    // What a run that failed has in the spool is of no use to a point. Where the store did not hear that the session is over, it is
    // kept: its upload can go on, for a retry to find.
    private async Task DiscardSpooledAsync()
    {
        if (!_session.HasEnded || _isSpoolEnded) return;
        try
        {
            await _spool!.EndAsync(discards: true, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreException)
        {
            // The run's own failure is the one to see; the next run tidies up.
        }
    }
}
