using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;

namespace VBackup.Vault.Tests.Spooling;

/// <summary>A vault and a spool in memory, and a process that works on both and may die.</summary>
internal sealed class SpoolWorld : IDisposable
{
    public const long Roomy = 1L << 30;

    private readonly string _locks = Directory.CreateTempSubdirectory("vbackup-spool-").FullName;

    public MemoryStore Memory { get; } = new();
    public MemoryStore SpoolMemory { get; } = new();

    public static TestVault VaultOver(IObjectStore store) =>
        TestVault.Over(store, with: runtime => runtime with { PackSizeTarget = 32 * 1024, PacksPerIndexFlush = 2 });

    public Task<PackSpool> OpenSpoolAsync(TestVault vault, IObjectStore? store = null, long sizeMax = Roomy) =>
        PackSpool.OpenAsync(vault.Vault, store ?? SpoolMemory, _locks, sizeMax, () => long.MaxValue, default);

    /// <summary>An incremental of one volume, through the spool.</summary>
    public static async Task<PointDocument> BackUpAsync(
        TestVault vault, PackSpool spool, byte[] content, PointDocument? basePoint = null, Extent[]? changed = null)
    {
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", basePoint, default, spool);
        var was = run.Base?.Volumes[0];
        var volume = await new ExportPipeline(run, vault.Options).ExportAsync(
            new("disk", new MemoryVolume(content), was, was is null ? null : Extents.Checked(changed!, content.Length)), null, default);
        return await run.PublishAsync("server", run.Base is null ? PointType.Full : PointType.Incremental, null, [volume], default);
    }

    /// <summary>What runs have left in the spool, but for cached packs.</summary>
    public async Task<string[]> WaitingAsync()
    {
        List<string> names = [];
        await foreach (var entry in SpoolMemory.ListAsync(SpoolNames.Runs, default)) names.Add(entry.Name);
        return [.. names];
    }

    /// <summary>The folder of locks is gone.</summary>
    public void LoseLocks() => Directory.Delete(_locks, recursive: true);

    public void Dispose()
    {
        if (Directory.Exists(_locks)) LoseLocks();
    }
}
