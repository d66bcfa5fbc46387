using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.RoundTrips;

/// <summary>What is told of a run while it is under way.</summary>
public sealed class ProgressTests
{
    const int ChunkSize = 4096, LeafSize = 256 * ChunkSize;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task An_export_tells_of_every_chunk_that_the_store_has_taken(int workers)
    {
        var told = await ExportAsync(Noise(3 * LeafSize - 100), workers, changed: null);
        // Where the way to the store is narrow, many leaves are under way for long.
        Assert.True(LongestStep(told) <= workers * ChunkSize, $"it stood still for {LongestStep(told)} bytes");
        Assert.Equal(3 * LeafSize - 100, told[^1].DoneBytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_need_not_be_looked_at_is_done(int workers)
    {
        // The third leaf is a hole, the fifth was not changed.
        var content = Noise(6 * LeafSize);
        content.AsSpan(2 * LeafSize, LeafSize).Clear();
        var told = await ExportAsync(content, workers, changed: [new(0, 4 * LeafSize), new(5 * LeafSize + 5, 10)]);
        Assert.All(told, one => Assert.InRange(one.DoneBytes, 0, content.Length));
        Assert.Equal(content.Length, told[^1].DoneBytes);
        // Each of the leaves is told of before all is over.
        Assert.InRange(told[^2].DoneBytes, 5 * LeafSize, content.Length);
    }

    static byte[] Noise(int length)
    {
        var content = new byte[length];
        new Random(1).NextBytes(content);
        return content;
    }

    static long LongestStep(List<TransferProgress> told)
    {
        long last = 0, longest = 0;
        foreach (var done in told.Select(one => one.DoneBytes).Order())
        {
            longest = Math.Max(longest, done - last);
            last = done;
        }
        return longest;
    }

    static async Task<List<TransferProgress>> ExportAsync(byte[] content, int workers, Extent[]? changed)
    {
        await using var vault = TestVault.Over(new MemoryStore(), ChunkSize, workers: workers);
        var basePoint = changed is null ? null : await vault.BackUpAsync([("disk", new byte[content.Length])]);
        var told = new Told();
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", basePoint, default);
        using var pipeline = new ExportPipeline(run, vault.Options);
        var was = run.Base?.Volumes.Single();
        await pipeline.ExportAsync(new("disk", new MemoryVolume(content), was,
            changed is null ? null : Extents.Checked(changed, content.Length)), told, default);
        return told.All;
    }

    sealed class Told : IProgress<TransferProgress>
    {
        readonly Lock _lock = new();

        public List<TransferProgress> All { get; } = [];

        public void Report(TransferProgress value)
        {
            lock (_lock) All.Add(value);
        }
    }
}
