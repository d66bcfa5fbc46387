using VBackup.Primitives;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.Spooling;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Faults;

/// <summary>A pack that the store, or the spool, does not take.</summary>
public sealed class BrokenPackTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pack_that_could_not_be_written_says_so_to_all_who_share_it(bool isSpooled)
    {
        using var world = new SpoolWorld();
        var broken = new FullOnce(isSpooled ? world.SpoolMemory : world.Memory);
        await using var vault = TestVault.Over(isSpooled ? world.Memory : broken);
        await using var spool = await world.OpenSpoolAsync(vault, isSpooled ? broken : null);
        await using var run = await spool.BeginAsync(SessionId.New(vault.Vault.Runtime.FillRandom), default);
        await using var committer = new PackCommitter(vault.Vault, spool: isSpooled ? run : null);
        await using var packs = new PackWriter(vault.Vault, committer);
        // As much as a spooled pack collects before it writes.
        var content = new byte[1 << 20];
        var id = vault.Vault.ChunkId(content);
        for (var turn = 0; turn < 2; turn++)
            await AssertFullAsync(() => packs.AddAsync(id, false, content, null, default).AsTask());
        await AssertFullAsync(() => packs.CloseAsync(default).AsTask());
    }

    private static async Task AssertFullAsync(Func<Task> write) =>
        Assert.Contains("no space left", (await Assert.ThrowsAsync<StoreException>(write)).Message, StringComparison.Ordinal);

    /// <summary>Has no room for the first piece, and wants no other of that writer, as writers of files do.</summary>
    private sealed class FullOnce(IObjectStore inner) : DecoratingStore(inner)
    {
        private bool _hasFailed;

        protected override ValueTask AppendAsync(IObjectWriter writer, string name, ReadOnlyMemory<byte> piece,
            CancellationToken cancellation)
        {
            if (_hasFailed) throw new InvalidOperationException("The writer has failed.");
            _hasFailed = true;
            throw new StoreException(StoreFailure.Full, "write", name, "no space left");
        }

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => run(cancellation);
    }
}
