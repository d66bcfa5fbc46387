using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Points whose chunks a collection has moved to other packs.</summary>
public sealed class MovedChunksTests
{
    private const int Run = 16 * 4096;

    [Fact]
    public async Task A_restore_reads_moved_chunks_together_and_asks_for_a_pack_that_is_gone_only_now_and_then()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        var first = new byte[16 << 20];
        new Random(1).NextBytes(first);
        var basePoint = await vault.BackUpAsync(first);
        // Every other run of chunks changes, so that no pack of the first point stays worth keeping.
        var second = first.ToArray();
        List<Extent> changed = [];
        for (var at = 0; at < second.Length; at += 2 * Run)
        {
            for (var chunk = 0; chunk < Run; chunk += 4096) second[at + chunk] ^= 1;
            changed.Add(new(at, Run));
        }
        var point = await vault.BackUpAsync(second, basePoint, [.. changed]);
        var before = await CountReadsAsync(memory, point, second);
        await vault.DeleteAsync(basePoint);
        Assert.True((await vault.CollectAsync(new() { RewriteBelow = 0.7, SessionTimeout = TimeSpan.Zero, FilterSalt = 1 })).PacksRewritten > 10);

        var after = await CountReadsAsync(memory, point, second);
        Assert.True(after.Reads < before.Reads * 2 && after.Asked < before.Reads / 2,
            $"{before.Reads} reads before, {after.Reads} and {after.Asked} other calls after");
        Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
    }

    private static async Task<(int Reads, int Asked)> CountReadsAsync(MemoryStore memory, PointDocument point, byte[] content)
    {
        var counting = new CallCounter(memory);
        await using var vault = TestVault.Over(counting);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
        return (counting.CallsOf(StoreOperation.Read), counting.CallsOf(StoreOperation.Exists) + counting.CallsOf(StoreOperation.ReadTail));
    }

    private sealed class CallCounter(IObjectStore inner) : DecoratingStore(inner)
    {
        private readonly int[] _calls = new int[Enum.GetValues<StoreOperation>().Length];

        public int CallsOf(StoreOperation operation) => Volatile.Read(ref _calls[(int)operation]);

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _calls[(int)operation]);
            return run(cancellation);
        }
    }
}
