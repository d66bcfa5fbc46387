using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Tests.World;

/// <summary>A vault over some store, and the few things that tests do with one.</summary>
internal sealed class TestVault : IAsyncDisposable
{
    private static readonly byte[] s_dataKey = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    public static readonly DateTimeOffset Epoch = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private TestVault(BackupVault vault, DataPathOptions options)
    {
        Vault = vault;
        Options = options;
    }

    public BackupVault Vault { get; }
    public IObjectStore Store => Vault.Store;
    public DataPathOptions Options { get; }

    public static TestVault Over(IObjectStore store, int chunkSize = 4096, Func<VaultRuntime, VaultRuntime>? with = null, int workers = 1)
    {
        var header = new VaultHeader(new VaultId(42), chunkSize, Epoch);
        var runtime = new VaultRuntime
        {
            BeatInterval = null,
            ReadsInFlight = 1,
            RecentChunks = 1024,
            PackSizeTarget = 256 * 1024,
            FarewellTimeout = TimeSpan.FromMilliseconds(200),
        };
        return new(new(store, header, new(s_dataKey, header.VaultId), with?.Invoke(runtime) ?? runtime),
            new()
            {
                Lanes = workers,
                Workers = workers,
                Fetchers = workers,
                ImportLanes = workers,
                SlotSize = 4 * chunkSize,
                FetchSize = 4 * chunkSize,
                WriteSize = 4 * chunkSize,
            });
    }

    /// <summary>A vault that was opened or made with a key.</summary>
    public static TestVault Of(BackupVault vault) =>
        new(vault, new() { Lanes = 1, Workers = 1, SlotSize = 4 * vault.ChunkSize });

    public async Task<PointDocument> BackUpAsync(
        IReadOnlyList<(string Name, byte[] Content)> volumes, PointDocument? basePoint = null,
        IReadOnlyDictionary<string, Extent[]>? changed = null, CancellationToken cancellation = default)
    {
        await using var run = await BackupWriter.StartAsync(Vault, "backup", basePoint, cancellation);
        var pipeline = new ExportPipeline(run, Options);
        List<VolumeDocument> written = [];
        foreach (var (name, content) in volumes)
        {
            var was = run.Base?.Volumes.FirstOrDefault(volume => volume.Name == name && volume.LengthBytes == content.Length);
            var extents = was is not null && changed?.TryGetValue(name, out var ranges) == true
                ? Extents.Checked(ranges, content.Length) : null;
            written.Add(await pipeline.ExportAsync(new(name, new MemoryVolume(content), was, extents), null, cancellation));
        }
        return await run.PublishAsync("server", run.Base is null ? PointType.Full : PointType.Incremental, null, written, cancellation);
    }

    public Task<PointDocument> BackUpAsync(byte[] content, PointDocument? basePoint = null, params Extent[] changed) =>
        BackUpAsync([("disk", content)], basePoint, changed.Length == 0 ? null : new Dictionary<string, Extent[]> { ["disk"] = changed });

    public async Task<byte[]> RestoreAsync(PointDocument point, string volume = "disk", CancellationToken cancellation = default)
    {
        var document = point.Volumes.Single(item => item.Name == volume);
        var target = MemoryVolume.Blank(document.LengthBytes);
        await ImportAsync(point, volume, target, new(), cancellation);
        return target.Content;
    }

    public async Task<ImportResult> ImportAsync(
        PointDocument point, string volume, MemoryVolume target, ImportOrder order, CancellationToken cancellation = default)
    {
        await using var reader = new BlobReader(Vault);
        var tree = VolumeTree.Open(reader, point, point.Volumes.Single(item => item.Name == volume));
        return await new ImportPipeline(reader, Vault.ChunkSize, Options).ImportAsync(tree, target, order, null, cancellation);
    }

    public Task DeleteAsync(PointDocument point) => Store.DeleteAsync(ObjectNames.Points + point.Id, default);

    public Task<CollectionResult> CollectAsync(CollectorOptions? options = null) =>
        Collector.RunAsync(Vault, options ?? new() { SessionTimeout = TimeSpan.Zero, CollectorTimeout = TimeSpan.FromTicks(-1),
            FilterSalt = 1 }, null, default);

    public Task<List<PointDocument>> PointsAsync() => PointList.ReadValidAsync(Vault, unreadable: null, default);

    public async Task<List<ObjectEntry>> ObjectsAsync(string prefix = "")
    {
        List<ObjectEntry> objects = [];
        await foreach (var entry in Store.ListAsync(prefix, default)) objects.Add(entry);
        return objects;
    }

    public ValueTask DisposeAsync() => Vault.DisposeAsync();
}
