using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
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
}
