using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Bench;

/// <summary>
/// Fills a vault with as many different chunks as are asked for, by the real export of a volume that is made up as it is read.
/// Each chunk is nearly all zeros, so that the vault's index and manifests are those of a huge one and its packs are small.
/// </summary>
internal static class SyntheticVault
{
    public static async Task<int> MakeAsync(string folder, string keyFile, string chunks)
    {
        var key = new byte[KeyText.KeySize];
        KeyText.Parse((await File.ReadAllTextAsync(keyFile, Encoding.ASCII)).Trim(), key);
        using var unlock = VaultUnlock.WithKey(key);
        await using var vault = await BackupVault.OpenAsync(FileSystemStore.Open(folder), unlock, new(), default);
        var options = new DataPathOptions();
        ThreadPool.SetMinThreads(options.Workers + 8, options.Workers + 8);
        await using var source = new NumberedChunks(long.Parse(chunks, CultureInfo.InvariantCulture), vault.ChunkSize);
        await using var run = await BackupWriter.StartAsync(vault, "backup", null, default);
        var volume = await new ExportPipeline(run, options).ExportAsync(new("disk", source, null, null), null, default);
        var point = await run.PublishAsync("synthetic", PointType.Full, null, [volume], default);
        Console.WriteLine(point.Id);
        return 0;
    }

    /// <summary>A volume each of whose chunks begins with its number, and is zero after that.</summary>
    private sealed class NumberedChunks(long chunks, int chunkSize) : IVolumeReader
    {
        public string Description => "numbered chunks";

        public long LengthBytes => chunks * chunkSize;

        public IEnumerable<Extent> AllocatedExtents(long from = 0) => [new(from, LengthBytes - from)];

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
        {
            var content = buffer.Span;
            content.Clear();
            for (var at = 0; at < content.Length; at += chunkSize)
                BinaryPrimitives.WriteInt64LittleEndian(content[at..], 1 + (offset + at) / chunkSize);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
