using System.Buffers;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Writing;

/// <summary>What became of a run that another process had left in a spool.</summary>
/// <param name="Point">The point, where the run had read everything; else null.</param>
/// <param name="GivenUp">Why nothing could be done with it; null when its packs are in the store.</param>
public sealed record ResumedRun(string Session, PointDocument? Point, string? GivenUp);

public sealed partial class BackupWriter
{
    /// <summary>
    /// Finishes what processes that are no more have left in a spool: sends the packs, and puts the point if all had been read. Packs of
    /// a run that had not come so far are sent too, so that a retry finds their chunks. Runs that are going on are left alone.
    /// </summary>
    public static async Task<IReadOnlyList<ResumedRun>> ResumeLeftAsync(
        BackupVault vault, PackSpool spool, CancellationToken cancellation)
    {
        List<ResumedRun> resumed = [];
        var left = await spool.TakeLeftAsync(cancellation).ConfigureAwait(false);
        try
        {
            foreach (var run in left)
            {
                try
                {
                    resumed.Add(await ResumeAsync(vault, run, cancellation).ConfigureAwait(false));
                }
                catch (DamageException damage)
                {
                    // It stays as it is, and does not stand in the way of others.
                    resumed.Add(new(run.Session.ToString(), null, damage.Message));
                }
            }
            return resumed;
        }
        finally
        {
            foreach (var run in left) await run.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<ResumedRun> ResumeAsync(BackupVault vault, SpoolRun spool, CancellationToken cancellation)
    {
        PointId? noted;
        try
        {
            noted = await spool.FindNotedPointAsync(cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            return await GiveUpUntoldAsync(vault, spool, damage, cancellation).ConfigureAwait(false);
        }
        var session = await Session.ContinueAsync(vault, spool.Session, cancellation).ConfigureAwait(false);
        if (session is null)
        {
            // One that ended with its point has nothing left but its notes.
            var point = noted is { } id ? await FindDecidedAsync(vault, spool.Session, id, cancellation).ConfigureAwait(false) : null;
            await spool.EndAsync(discards: point is null, cancellation).ConfigureAwait(false);
            return point is null ? GivenUp(spool.Session) : new(spool.Session.ToString(), point, null);
        }
        var writer = new BackupWriter(vault, session, spool);
        await using (writer.ConfigureAwait(false))
        {
            try
            {
                return await writer.FinishLeftAsync(noted, cancellation).ConfigureAwait(false);
            }
            catch (SessionRevokedException)
            {
                // Whatever it has put, nobody has been told that it counts.
                writer.IsSealed = false;
                await spool.EndAsync(discards: true, cancellation).ConfigureAwait(false);
                return GivenUp(spool.Session);
            }
        }
    }

    private static ResumedRun GivenUp(SessionId session) =>
        new(session.ToString(), null, "its session is over: a collector took it for dead, or it had failed");

    // Nobody can tell which point may still arrive, so the session is not ended but left to be taken for dead (F5).
    private static async Task<ResumedRun> GiveUpUntoldAsync(
        BackupVault vault, SpoolRun spool, DamageException damage, CancellationToken cancellation)
    {
        var isOver = !await vault.Store.ExistsAsync(ObjectNames.Session(spool.Session), cancellation).ConfigureAwait(false)
            || await Session.IsOverAsync(vault, spool.Session, cancellation).ConfigureAwait(false);
        if (isOver) await spool.EndAsync(discards: true, cancellation).ConfigureAwait(false);
        return new(spool.Session.ToString(), null,
            $"its part of the spool is damaged: {damage.Message}; the list of points tells whether its point is there"
            + (isOver ? "" : ", and what waits in the spool goes when a collector has taken its session for dead"));
    }

    private async Task<ResumedRun> FinishLeftAsync(PointId? noted, CancellationToken cancellation)
    {
        var name = _session.Id.ToString();
        // Whatever fails from here on, the run stays as it is, for the next attempt.
        IsSealed = true;
        // First, because a session may not end while its point may still arrive. Of one that is there all packs are.
        var point = noted is { } id ? await SettlePointAsync(id, cancellation).ConfigureAwait(false) : null;
        if (point is null)
        {
            SealedRunDocument? document;
            try
            {
                foreach (var pack in await _spool!.LeftAsync(cancellation).ConfigureAwait(false))
                    await SendLeftAsync(pack, cancellation).ConfigureAwait(false);
                await FlushAsync(cancellation).ConfigureAwait(false);
                document = await _spool.FindSealedAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception damage) when (damage is DamageException or StoreException { Failure: StoreFailure.Mismatch })
            {
                IsSealed = false;
                return new(name, null, $"its part of the spool is damaged: {damage.Message}");
            }
            if (document is null)
            {
                IsSealed = false;
                await _session.LeaveAsync(leavesNothing: false).ConfigureAwait(false);
                _isSpoolEnded = true;
                await _spool.EndAsync(discards: false, cancellation).ConfigureAwait(false);
                return new(name, null, null);
            }
            point = await PublishAsync(document, cancellation).ConfigureAwait(false);
        }
        // It may have been put before the other process died.
        if (IsSealed)
        {
            await _session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
            await EndPublishedAsync(PointList.IdOf(point), cancellation).ConfigureAwait(false);
        }
        return new(name, point, null);
    }

    private Task<PointDocument> PublishAsync(SealedRunDocument document, CancellationToken cancellation)
    {
        var id = PointId.New(_vault.Runtime.FillRandom);
        return PublishAsync(id, new PointDocument
        {
            Id = id.ToString(),
            Session = _session.Id.ToString(),
            CreatedAt = _vault.Clock.GetUtcNow(),
            Name = document.Name,
            Type = document.Type,
            Base = document.Base,
            Metadata = document.Metadata,
            Volumes = document.Volumes,
        }, cancellation);
    }

    // The other process's put of the point may have arrived, and, as long as its upload is unfinished, still arrive. Once that is
    // discarded, the point is there or never will be (F5).
    private async Task<PointDocument?> SettlePointAsync(PointId noted, CancellationToken cancellation)
    {
        List<UnfinishedObject> uploads = [];
        await foreach (var one in _vault.Store.ListUnfinishedAsync(cancellation).ConfigureAwait(false))
            if (one.Name == ObjectNames.Point(noted)) uploads.Add(one);
        foreach (var one in uploads) await _vault.Store.DiscardUnfinishedAsync(one, cancellation).ConfigureAwait(false);
        return await _vault.FindPointAsync(noted, cancellation).ConfigureAwait(false);
    }

    // A session that is over says nothing of its point when it was revoked and nobody has decided yet: that may be decided either way.
    private static async Task<PointDocument?> FindDecidedAsync(
        BackupVault vault, SessionId session, PointId point, CancellationToken cancellation)
    {
        var decision = await SessionList.DecisionOf(vault, session, cancellation).ConfigureAwait(false);
        var counts = decision is not null ? decision.Contains(point)
            : !await vault.Store.ExistsAsync(ObjectNames.Revoked(session), cancellation).ConfigureAwait(false)
                || await vault.Store.ExistsAsync(ObjectNames.Ended(session), cancellation).ConfigureAwait(false);
        return counts ? await vault.FindPointAsync(point, cancellation).ConfigureAwait(false) : null;
    }

    // A pack of which sending had begun may be in the store, or still arrive: it is never sent again under its name (F5).
    private async Task SendLeftAsync(SpooledPack left, CancellationToken cancellation)
    {
        var entries = await PackFooters.ReadAsync(_vault, left.Run.Store, left.Id, cancellation).ConfigureAwait(false);
        var pack = new FinishedPack(left.Id, entries, left);
        if (!left.Mark.IsSent)
        {
            _committer.Send(left, pack, cancellation);
            return;
        }
        if (!await _vault.Store.ExistsAsync(ObjectNames.Pack(left.Id), cancellation).ConfigureAwait(false))
        {
            await SealAnewAsync(left, entries, cancellation).ConfigureAwait(false);
            return;
        }
        await _committer.IndexAsync(pack, cancellation).ConfigureAwait(false);
    }

    // The hints in the run's manifests name the old pack; the index names the new one, where readers look then.
    private async Task SealAnewAsync(SpooledPack left, PackEntry[] entries, CancellationToken cancellation)
    {
        var name = ObjectNames.Pack(left.Id);
        var packs = new PackWriter(_vault, _committer);
        await using var closing = packs.ConfigureAwait(false);
        var lane = Reader.RentLane();
        var size = Blob.SizeMax(Math.Max(_vault.ChunkSize, ManifestNode.EncodedSizeMax));
        var (sealedBytes, plaintext) = (ArrayPool<byte>.Shared.Rent(size), ArrayPool<byte>.Shared.Rent(size));
        try
        {
            foreach (var entry in entries)
            {
                if (entry.Length > size) throw new DamageException(name, "has a blob that is longer than blobs can be");
                var blob = sealedBytes.AsMemory(0, (int)entry.Length);
                if (await left.Run.Store.ReadAsync(name, entry.Offset, blob, cancellation).ConfigureAwait(false) != blob.Length
                    || !lane.TryOpenSealed(left.Id, entry, blob.Span, plaintext.AsSpan(0, blob.Length - BlobPrefix.Overhead),
                        out var length))
                    throw new DamageException(name, $"its copy in the spool is not what was written, at {entry.Offset}");
                await packs.AddSealedAsync(entry.Id, entry.Shape, plaintext.AsMemory(0, length), cancellation).ConfigureAwait(false);
            }
            await packs.CloseAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(sealedBytes);
            ArrayPool<byte>.Shared.Return(plaintext);
            Reader.Return(lane);
        }
    }
}
