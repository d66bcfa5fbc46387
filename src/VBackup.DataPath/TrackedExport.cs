using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Writing;

namespace VBackup.DataPath;

/// <summary>A volume at an instant, and what there is to build on.</summary>
/// <param name="Name">The volume's name in the point.</param>
/// <param name="Instant">The snapshot that is exported.</param>
/// <param name="BaseInstant">The snapshot that the base was made of; null for a full.</param>
/// <param name="Base">The same volume in the base; null for a full.</param>
public sealed record TrackedVolume(string Name, VolumeId Volume, string Instant, string? BaseInstant, VolumeDocument? Base);

/// <summary>What an export of a tracked volume did.</summary>
/// <param name="FullBecause">Why it became a full although there was a base; else null.</param>
/// <param name="SampledChunks">Chunks that were compared with the base although the tracker called them unchanged.</param>
/// <param name="Missed">Ranges in which the tracker missed a change: then every incremental since the last full is in doubt.</param>
public sealed record TrackedResult(
    VolumeDocument Document, string? FullBecause, long SampledChunks, IReadOnlyList<Extent> Missed);

/// <summary>
/// Exports a volume's snapshot as an incremental where the storage knows what changed since the base, and where a sample of
/// what it calls unchanged bears that out; otherwise as a full, and says why.
/// </summary>
public sealed class TrackedExport(BackupWriter run, IVolumeStorage storage, DataPathOptions options, Random random)
{
    private readonly ExportPipeline _pipeline = new(run, options);
    private VolumeComparison? _comparison;

    /// <exception cref="VBackup.Clouds.CloudException">The storage failed.</exception>
    /// <exception cref="DamageException">The base is damaged.</exception>
    public async Task<TrackedResult> ExportAsync(
        TrackedVolume volume, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        var source = await storage.Snapshots.OpenAsync(volume.Instant, volume.Volume, cancellation).ConfigureAwait(false);
        await using (source.ConfigureAwait(false))
        {
            var (changed, reason) = await FindChangesAsync(volume, source, cancellation).ConfigureAwait(false);
            var sample = changed is null
                ? new(0, []) : await CompareSampleAsync(volume.Base!, source, changed, cancellation).ConfigureAwait(false);
            if (sample.Different.Count > 0)
            {
                changed = null;
                reason = $"change tracking missed a change at {sample.Different[0].Offset}, found by comparing {sample.ComparedChunks} chunks";
            }
            var document = await _pipeline.ExportAsync(
                new(volume.Name, source, changed is null ? null : volume.Base, changed), progress, cancellation).ConfigureAwait(false);
            return new(document, reason, sample.ComparedChunks, sample.Different);
        }
    }

    /// <returns>What changed; or null, with the reason if there is a base all the same.</returns>
    private async Task<(Extents? Changed, string? Reason)> FindChangesAsync(
        TrackedVolume volume, IVolumeReader source, CancellationToken cancellation)
    {
        if (volume.Base is null) return (null, null);
        if (volume.BaseInstant is null) return (null, "the base does not say of which snapshot it was made");
        if (volume.Base.LengthBytes != source.LengthBytes)
            return (null, $"the volume had {volume.Base.LengthBytes} bytes in the base and has {source.LengthBytes} now");
        var answer = await storage.Snapshots.FindChangesAsync(
            volume.Volume, volume.BaseInstant, volume.Instant, cancellation).ConfigureAwait(false);
        return answer switch
        {
            ChangeAnswer.Known known => (known.Extents, null),
            ChangeAnswer.Lost lost => (null, lost.Reason),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    private async Task<ComparisonResult> CompareSampleAsync(
        VolumeDocument basis, IVolumeReader source, Extents changed, CancellationToken cancellation)
    {
        var tree = run.BaseTree(basis);
        var sample = ChangeSample.Choose(source.AllocatedExtents(), changed, tree.Shape, random);
        _comparison ??= new(run.Reader, run.Vault.ChunkSize, options);
        return await _comparison
            .CompareAsync(tree, source, sample, progress: null, cancellation).ConfigureAwait(false);
    }
}
