using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Indexing;

/// <summary>Known chunks are found however many index objects there are, and however far back they were stored.</summary>
public sealed class DeduplicationTests
{
    private const int Chunks = 1024;
    private const int ChunkSize = 4096;

    private static TestVault Open(MemoryStore store) => TestVault.Over(store, ChunkSize, with: runtime => runtime with
    {
        PacksPerIndexFlush = 1,
        PackSizeTarget = 3 * ChunkSize,
        RecentChunks = 16,
    });

    private static byte[] Random(int seed)
    {
        var content = new byte[Chunks * ChunkSize];
        new Random(seed).NextBytes(content);
        return content;
    }

    [Fact]
    public async Task What_hundreds_of_index_objects_name_is_stored_once()
    {
        var store = new MemoryStore();
        await using var vault = Open(store);
        var content = Random(1);
        await vault.BackUpAsync(content);
        Assert.True((await vault.ObjectsAsync("index/")).Count > 300);
        var again = await vault.BackUpAsync(content);
        Assert.Equal(0, again.Volumes[0].StoredBytes);
        Assert.Equal(content, await vault.RestoreAsync(again));
    }

    [Fact]
    public async Task What_a_run_stored_itself_long_before_is_stored_once()
    {
        var store = new MemoryStore();
        await using var vault = Open(store);
        var once = Random(2);
        var single = await vault.BackUpAsync(once);
        await using var other = Open(new MemoryStore());
        byte[] twice = [.. once, .. once];
        var both = await other.BackUpAsync(twice);
        // A second leaf of the tree for each 256 chunks, and no chunk more.
        Assert.InRange(both.Volumes[0].StoredBytes, single.Volumes[0].StoredBytes, single.Volumes[0].StoredBytes * 1.05);
        Assert.Equal(twice, await other.RestoreAsync(both));
    }

    [Fact]
    public async Task A_retry_stores_nothing_again_that_a_failed_run_on_the_same_base_had_stored()
    {
        await using var vault = Open(new MemoryStore());
        var first = await vault.BackUpAsync(Random(3));
        var content = Random(4);
        await Assert.ThrowsAsync<IOException>(() => ExportAsync(vault, new Failing(content, failsAt: content.Length / 2), first));
        var retried = await ExportAsync(vault, new MemoryVolume(content), first);
        Assert.InRange(retried.Volumes[0].StoredBytes, content.Length / 2, content.Length * 0.6);
        Assert.Equal(content, await vault.RestoreAsync(retried));
        await vault.CollectAsync();
        Assert.Empty(await vault.ObjectsAsync("sessions/"));
    }

    [Fact]
    public async Task A_volume_that_the_base_does_not_have_is_looked_up_in_the_whole_vault()
    {
        await using var vault = Open(new MemoryStore());
        var content = Random(5);
        await vault.BackUpAsync(content);
        var other = await vault.BackUpAsync(Random(6));
        var next = await vault.BackUpAsync([("disk", Random(6)), ("new", content)], other);
        Assert.Equal(0, next.Volumes[1].StoredBytes);
    }

    private static async Task<PointDocument> ExportAsync(TestVault vault, IVolumeReader source, PointDocument basePoint)
    {
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", basePoint, default);
        var volume = await new ExportPipeline(run, vault.Options)
            .ExportAsync(new("disk", source, run.Base!.Volumes[0], null), null, default);
        return await run.PublishAsync("server", PointType.Incremental, null, [volume], default);
    }

    private sealed class Failing(byte[] content, long failsAt) : IVolumeReader
    {
        private readonly MemoryVolume _inner = new(content);

        public string Description => "failing";
        public long LengthBytes => _inner.LengthBytes;
        public IEnumerable<Extent> AllocatedExtents(long from) => _inner.AllocatedExtents(from);

        public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation) =>
            offset < failsAt ? _inner.ReadAsync(offset, buffer, cancellation) : throw new IOException("the disk is gone");

        public ValueTask DisposeAsync() => _inner.DisposeAsync();
    }
}
