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

/// <summary>How a volume is going to be exported. Owns the opened snapshot.</summary>
/// <param name="Changed">What is read; null for all that is allocated.</param>
/// <param name="FullBecause">Why it becomes a full although there is a base; else null.</param>
/// <param name="SampledChunks">Chunks that were compared with the base although the tracker called them unchanged.</param>
/// <param name="SampledObjects">Parts of the volume that the storage's map calls absent, and that its disks were asked for.</param>
/// <param name="Missed">Ranges in which the tracker missed a change.</param>
public sealed record PlannedVolume(TrackedVolume Volume, IVolumeReader Source, Extents? Changed, string? FullBecause,
    long SampledChunks, long SampledObjects, IReadOnlyList<Extent> Missed) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Source.DisposeAsync();
}

/// <summary>How the volumes of one run are going to be exported. Owns them.</summary>
public sealed class ExportPlan(IReadOnlyList<PlannedVolume> volumes) : IAsyncDisposable
{
    public IReadOnlyList<PlannedVolume> Volumes => volumes;

    /// <summary>Whether the tracker was found wrong: then every incremental since the last full is in doubt.</summary>
    public bool IsTrackingWrong => volumes.Any(volume => volume.Missed.Count > 0);

    public async ValueTask DisposeAsync()
    {
        foreach (var volume in volumes) await volume.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>
/// Exports volumes' snapshots as incrementals where the storage knows what changed since the base, and where a sample of
/// what it calls unchanged bears that out. All samples are taken before anything is exported: one that differs makes the whole
/// run a full, since the same tracker spoke for every volume.
/// </summary>
public sealed class TrackedExport(BackupWriter run, IVolumeStorage storage, DataPathOptions options, Random random) : IDisposable
{
    private readonly SlotPool _slots = new(options, run.Vault.ChunkSize);
    private VolumeComparison? _comparison;
    private ExportPipeline? _pipeline;

    /// <summary>Opens the snapshots, finds what changed, and compares the samples.</summary>
    /// <exception cref="VBackup.Clouds.CloudException">The storage failed.</exception>
    /// <exception cref="DamageException">The base is damaged.</exception>
    public async Task<ExportPlan> PlanAsync(IEnumerable<TrackedVolume> volumes, CancellationToken cancellation)
    {
        List<PlannedVolume> planned = [];
        try
        {
            foreach (var volume in volumes)
            {
                var source = await storage.Snapshots.OpenAsync(volume.Instant, volume.Volume, cancellation).ConfigureAwait(false);
                planned.Add(new(volume, source, Changed: null, FullBecause: null, 0, 0, []));
                planned[^1] = await FindChangesAsync(planned[^1], cancellation).ConfigureAwait(false);
            }
            if (planned.Find(volume => volume.Missed.Count > 0) is { } wrong)
            {
                var reason = $"change tracking missed a change of {wrong.Volume.Name} at {wrong.Missed[0].Offset}, "
                    + $"found by comparing {wrong.SampledChunks} chunks that it calls unchanged"
                    + (wrong.SampledObjects > 0 ? $" and asking for {wrong.SampledObjects} objects that it calls absent" : "");
                for (var i = 0; i < planned.Count; i++)
                    if (planned[i].Changed is not null) planned[i] = planned[i] with { Changed = null, FullBecause = reason };
            }
            return new(planned);
        }
        catch
        {
            foreach (var volume in planned) await volume.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <exception cref="IOException">The source failed.</exception>
    /// <exception cref="DamageException">The base is damaged.</exception>
    public Task<VolumeDocument> ExportAsync(
        PlannedVolume volume, IProgress<TransferProgress>? progress, CancellationToken cancellation)
    {
        EndComparison();
        _pipeline ??= new(run, options, _slots);
        return _pipeline.ExportAsync(
            new(volume.Volume.Name, volume.Source, volume.Changed is null ? null : volume.Volume.Base, volume.Changed), progress,
                cancellation);
    }

    // Its memory is the export's then.
    private void EndComparison()
    {
        _comparison?.Dispose();
        _comparison = null;
    }

    public void Dispose()
    {
        EndComparison();
        _pipeline?.Dispose();
    }

    private async Task<PlannedVolume> FindChangesAsync(PlannedVolume planned, CancellationToken cancellation)
    {
        var volume = planned.Volume;
        if (volume.Base is not { } basis) return planned;
        if (volume.BaseInstant is null) return planned with { FullBecause = "the base does not say of which snapshot it was made" };
        if (basis.LengthBytes != planned.Source.LengthBytes)
            return planned with { FullBecause = $"the volume had {basis.LengthBytes} bytes in the base and has "
                + $"{planned.Source.LengthBytes} now" };
        var answer = await storage.Snapshots.FindChangesAsync(
            volume.Volume, volume.BaseInstant, volume.Instant, cancellation).ConfigureAwait(false);
        switch (answer)
        {
            case ChangeAnswer.Lost lost:
                return planned with { FullBecause = lost.Reason };
            case ChangeAnswer.Known known:
                return await SampleAsync(planned with { Changed = known.Extents }, known.Extents, cancellation).ConfigureAwait(false);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private async Task<PlannedVolume> SampleAsync(PlannedVolume planned, Extents changed, CancellationToken cancellation)
    {
        var source = planned.Source;
        var tree = run.BaseTree(planned.Volume.Base!);
        var compared = await CompareAsync(
            tree, source, ChangeSample.Choose(source.RoughlyAllocatedExtents(), changed, tree.Shape, random), cancellation)
                .ConfigureAwait(false);
        planned = planned with { SampledChunks = compared.ComparedChunks, Missed = compared.Different };
        if (source.RoughUnitBytes is not { } unitBytes) return planned;

        List<Extent> absent = [.. ChangeSample.ChooseAbsent(source.RoughlyAllocatedExtents(), changed, unitBytes, source.LengthBytes,
            random)];
        var held = await Task.Run(() => absent.FindAll(part =>
        {
            cancellation.ThrowIfCancellationRequested();
            return source.HoldsData(part);
        }), cancellation).ConfigureAwait(false);
        // Something that is gone and was never told of: then the base has what should be zeros. A chunk tells for its object.
        var gone = await CompareAsync(tree, source, ChunksWithin(absent, tree.Shape), cancellation).ConfigureAwait(false);
        return planned with { SampledObjects = absent.Count, Missed = Extents.Merged([.. planned.Missed, .. held, .. gone.Different]) };
    }

    /// <summary>One chunk of each part at random; none of a part that is smaller, as its neighbour's changes would be taken for its
    /// own.</summary>
    private IEnumerable<Extent> ChunksWithin(IEnumerable<Extent> parts, TreeShape shape)
    {
        foreach (var part in parts)
        {
            var first = (part.Offset + shape.ChunkSize - 1) / shape.ChunkSize;
            var end = part.End == shape.LengthBytes ? shape.ChunkCount : part.End / shape.ChunkSize;
            if (first >= end) continue;
            var chunk = random.NextInt64(first, end);
            yield return new(chunk * shape.ChunkSize, shape.ChunkLength(chunk));
        }
    }

    private Task<ComparisonResult> CompareAsync(
        VolumeTree tree, IVolumeReader source, IEnumerable<Extent> ranges, CancellationToken cancellation)
    {
        _comparison ??= new(run.Reader, run.Vault.ChunkSize, options, _slots);
        return _comparison.CompareAsync(tree, source, ranges, progress: null, cancellation);
    }
}
