using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Verifying;

/// <summary>A volume that may still hold what the vault lost.</summary>
/// <param name="VolumeName">As the points call it.</param>
/// <param name="ReadAsync">Fills a buffer from an offset in bytes; the range lies within the length.</param>
public sealed record RepairSource(
    string VolumeName, long LengthBytes, Func<long, Memory<byte>, CancellationToken, ValueTask> ReadAsync);

/// <summary>What a repair did.</summary>
/// <param name="Remaining">What is still damaged, from a verification afterwards.</param>
public sealed record RepairResult(
    int IndexObjectsWritten, int IndexObjectsRemoved, int PacksCondemned, int BlobsRestored, VerifyResult Remaining);

/// <summary>
/// Rebuilds the index from the packs' footers, takes damaged packs out of use, and stores anew what a source still has: the
/// repair of <c>docs/session-protocol.md</c>. What it restores is checked by its id, so a source cannot do harm.
/// </summary>
public sealed class Repairer
{
    private readonly BackupVault _vault;
    private readonly IReadOnlyList<RepairSource> _sources;
    private int _written, _removed, _condemned, _restored;

    private Repairer(BackupVault vault, IReadOnlyList<RepairSource> sources)
    {
        _vault = vault;
        _sources = sources;
    }

    public static async Task<RepairResult> RunAsync(BackupVault vault, IReadOnlyList<RepairSource> sources,
        IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var repairer = new Repairer(vault, sources);
        var session = await Session.BeginAsync(vault, "repair", [], cancellation).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            await repairer.RebuildIndexAsync(cancellation).ConfigureAwait(false);
            await repairer.RestoreBlobsAsync(progress, cancellation).ConfigureAwait(false);
            await session.LeaveAsync(leavesNothing: true).ConfigureAwait(false);
        }
        var remaining = await Verifier.RunAsync(vault, allData: true, progress, cancellation).ConfigureAwait(false);
        return new(repairer._written, repairer._removed, repairer._condemned, repairer._restored, remaining);
    }

    private async Task RebuildIndexAsync(CancellationToken cancellation)
    {
        var survey = await VaultSurvey.ReadAsync(_vault, IndexUse.Scan, tolerant: true, cancellation).ConfigureAwait(false);
        await using (survey.ConfigureAwait(false))
        {
            HashSet<int> silent = [];
            for (var pack = 0; pack < survey.Packs.Count; pack++)
            {
                if (!survey.Packs.At(pack).IsPresent || survey.Packs.At(pack).IsIndexed) continue;
                PackEntry[] footer;
                try
                {
                    footer = await PackFooters.ReadAsync(_vault, survey.Packs[pack], cancellation).ConfigureAwait(false);
                }
                catch (DamageException)
                {
                    // Found again, named and condemned by the check of the packs that follows.
                    silent.Add(pack);
                    continue;
                }
                catch (Stores.StoreException gone) when (gone.Failure == Stores.StoreFailure.NotFound)
                {
                    continue;
                }
                var (id, bytes) = PackFooters.Index(_vault, survey.Packs[pack], footer);
                await _vault.Store.PutAsync(ObjectNames.Index(id), bytes, cancellation).ConfigureAwait(false);
                _written++;
            }
            var salvage = new PackSalvage(_vault, survey);
            await salvage.RunAsync(silent, cancellation).ConfigureAwait(false);
            _condemned += salvage.Condemned;
            _restored += salvage.Saved;
            // Every pack that they could have named was listed after them, and is indexed anew now, or what was known of it has been saved.
            // What could not be read at all stays while a pack is there that it alone may tell of: the disk may give it back another time.
            foreach (var unreadable in survey.Index.Unreadable)
            {
                if (silent.Count > 0 && DamageTellingStore.MayBeReadLater(unreadable)) continue;
                await _vault.Store.DeleteAsync(unreadable.ObjectName, cancellation).ConfigureAwait(false);
                _removed++;
            }
        }
    }

    private async Task RestoreBlobsAsync(IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var verifier = await Verifier.RunForRepairAsync(_vault, progress, cancellation).ConfigureAwait(false);
        await using (verifier.ConfigureAwait(false))
        {
            var survey = verifier.Survey!;
            // First nobody may count on the damaged packs any more; then what they lost is stored elsewhere.
            List<ObjectId> damaged = [.. verifier.Packs.BadPacks.Keys
                .Where(id => survey.Packs.TryFind(id, out var pack) && survey.Packs.IsUsable(pack))];
            await Condemnations.PutAsync(_vault, SessionId.New(_vault.Runtime.FillRandom), damaged, cancellation).ConfigureAwait(false);
            _condemned += damaged.Count;
            if (_sources.Count == 0 || verifier.Affected.Count == 0) return;
            // Nobody knows which packs it names, so nobody can tell what is held by one that stays.
            if (survey.UnreadableCondemnations is [var unreadable, ..]) throw unreadable;

            var committer = new PackCommitter(_vault);
            var chunks = new PackWriter(_vault, committer);
            var nodes = new PackWriter(_vault, committer);
            using var compressor = new ChunkCompressor(_vault.Runtime.CompressionLevel);
            var rebuild = new SubtreeRebuild(_vault, survey, verifier, chunks, nodes, compressor);
            try
            {
                foreach (var (blob, affected) in verifier.Affected)
                    foreach (var (extent, source) in affected.SelectMany(extent => _sources
                        .Where(item => item.VolumeName == extent.Volume).Select(item => (extent, item))))
                        if (await rebuild.TryAsync(blob, extent, source, cancellation).ConfigureAwait(false)) break;
                await chunks.CloseAsync(cancellation).ConfigureAwait(false);
                await nodes.CloseAsync(cancellation).ConfigureAwait(false);
                await committer.FinishAsync(cancellation).ConfigureAwait(false);
                _restored += rebuild.Restored;
            }
            finally
            {
                await chunks.DisposeAsync().ConfigureAwait(false);
                await nodes.DisposeAsync().ConfigureAwait(false);
                await committer.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
