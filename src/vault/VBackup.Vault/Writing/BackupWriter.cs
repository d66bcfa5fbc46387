using System.Text.Json;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>
/// One run that writes a restore point: the writer of <c>docs/session-protocol.md</c>. Lanes may be used in parallel, one
/// worker each; volumes one after another or side by side; then publish once.
/// </summary>
public sealed class BackupWriter : IAsyncDisposable
{
    private readonly BackupVault _vault;
    private readonly Session _session;
    private readonly RecentChunks _recent;
    private readonly List<ChunkLane> _lanes = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _nodeGate = new(1);
    private readonly byte[] _nodeBytes = new byte[ManifestNode.EncodedSizeMax];
    private readonly Dictionary<string, VolumeTree> _baseTrees = [];
    private VaultSurvey? _survey;
    private PackCommitter _committer;
    private ChunkLane? _nodes;

    private BackupWriter(BackupVault vault, Session session)
    {
        _vault = vault;
        _session = session;
        _recent = new(vault.Runtime.RecentChunks);
        _committer = new(vault, session: session);
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
    public static async Task<BackupWriter> StartAsync(
        BackupVault vault, string purpose, PointDocument? basePoint, CancellationToken cancellation)
    {
        var session = await Session.BeginAsync(
            vault, purpose, basePoint is null ? [] : [Session.BaseOf(basePoint)], cancellation).ConfigureAwait(false);
        var run = new BackupWriter(vault, session);
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
        var use = IndexUse.Deduplicate;
        if (basePoint is not null)
        {
            var valid = _session.IsValidNowAsync(basePoint, cancellation);
            var others = SessionList.ReadAsync(_vault, cancellation);
            // The roots are wanted next; reading them does not depend on what the check says.
            var roots = ReadRootsAsync(basePoint, cancellation);
            await Task.WhenAll(valid, others, roots).ConfigureAwait(false);
            if (await valid.ConfigureAwait(false))
            {
                Base = basePoint;
                // What a broken run had uploaded is worth a look at the newest index objects, but no more than that.
                var broken = (await others.ConfigureAwait(false)).Sessions.Any(other =>
                    other.Key != _session.Id && other.Value is { Exists: true, Ended: false, Decided: false });
                if (!broken)
                {
                    _nodes = OpenLane();
                    return;
                }
                use = IndexUse.DeduplicateRecent;
            }
        }
        _survey = await VaultSurvey.ReadAsync(_vault, use, tolerant: false, cancellation).ConfigureAwait(false);
        await _committer.DisposeAsync().ConfigureAwait(false);
        _committer = new(_vault, (bytes, id, _) =>
        {
            _survey.Index.Add(bytes.Span, id);
            return Task.CompletedTask;
        }, _session);
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

    /// <summary>Makes every chunk and node durable and indexed, puts the point, and ends the session.</summary>
    /// <exception cref="SessionRevokedException">A collector took this run for dead; the point does not count.</exception>
    public async Task<PointDocument> PublishAsync(
        string name, PointType type, JsonElement? metadata, IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        var id = PointId.New(_vault.Runtime.FillRandom);
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
            return await PublishAsync(id, writer, name, type, metadata, volumes, cancellation).ConfigureAwait(false);
    }

    // The writer fences the point: it cannot arrive a second time after its deletion (F5).
    private async Task<PointDocument> PublishAsync(PointId id, IObjectWriter writer,
        string name, PointType type, JsonElement? metadata, IReadOnlyList<VolumeDocument> volumes, CancellationToken cancellation)
    {
        var point = new PointDocument
        {
            Id = id.ToString(),
            Session = _session.Id.ToString(),
            CreatedAt = _vault.Clock.GetUtcNow(),
            Name = name,
            Type = type,
            Base = type == PointType.Incremental ? Base?.Id : null,
            Metadata = metadata,
            Volumes = volumes,
        };
        await writer.AppendAsync(SealedDocument.SealJson(
            _vault.Keys, ObjectKind.Point, ObjectNames.Point(id), point, DocumentJson.Default.PointDocument), cancellation).ConfigureAwait(false);
        _session.PointInDoubt = true;
        await writer.CommitAsync(cancellation).ConfigureAwait(false);
        _session.PointInDoubt = false;
        await _session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
        await _session.EndAsync(cancellation).ConfigureAwait(false);
        return point;
    }

    /// <summary>Makes everything stored so far durable and indexed.</summary>
    internal async Task FlushAsync(CancellationToken cancellation)
    {
        ChunkLane[] lanes;
        lock (_lock) lanes = [.. _lanes];
        foreach (var lane in lanes) await lane.CloseAsync(cancellation).ConfigureAwait(false);
        await _committer.FinishAsync(cancellation).ConfigureAwait(false);
    }

    internal bool TryFind(ContentId id, out BlobLocation location) =>
        _recent.TryFind(id, out location) || (_survey?.Index.TryFindUsable(id, out location) ?? false);

    internal void Remember(in BlobPlace place) => _recent.Add(place);

    /// <summary>Ends the run; without a publish before, nothing of it counts.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes) await lane.DisposeAsync().ConfigureAwait(false);
        await _committer.DisposeAsync().ConfigureAwait(false);
        await Reader.DisposeAsync().ConfigureAwait(false);
        if (_survey is not null) await _survey.DisposeAsync().ConfigureAwait(false);
        _nodeGate.Dispose();
        await _session.DisposeAsync().ConfigureAwait(false);
    }
}
