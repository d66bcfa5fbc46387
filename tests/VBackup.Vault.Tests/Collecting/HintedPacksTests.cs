using System.Security.Cryptography;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Packs of which only the hints of what is live still tell.</summary>
public sealed class HintedPacksTests
{
    [Fact]
    public async Task A_condemned_pack_that_loses_its_index_and_its_footer_stays_as_long_as_hints_name_it()
    {
        var memory = new MemoryStore();
        List<string> packs = [];
        var broken = 0;
        await using var vault = TestVault.Over(new HookedStore(memory, async name =>
        {
            if (packs.Count == 0 || broken++ > 0) return;
            await foreach (var index in memory.ListAsync(ObjectNames.Indexes, default)) await memory.DeleteAsync(index.Name, default);
            foreach (var pack in packs)
            {
                var bytes = await memory.GetAsync(pack, FormatLimits.PackSizeMax, default);
                bytes[^40] ^= 1;
                await memory.PutAsync(pack, bytes, default);
            }
        }));
        var content = Contents.Mixed(1, 300_000);
        var point = await vault.BackUpAsync(content);
        // Of a collector that died: the next one rewrites and condemns them.
        List<ObjectId> ids = [];
        foreach (var entry in await vault.ObjectsAsync(ObjectNames.Packs))
            if (ObjectNames.TryParsePack(entry.Name, out var id)) ids.Add(id);
        await Condemnations.PutAsync(vault.Vault, SessionId.New(RandomNumberGenerator.Fill), ids, default);
        packs.AddRange(ids.Select(ObjectNames.Pack));

        Assert.Equal(0, (await vault.CollectAsync()).PacksDeleted);
        Assert.Equal(1, broken);
        foreach (var pack in packs) Assert.True(await memory.ExistsAsync(pack, default), pack);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
    }

    /// <summary>Does something right after a condemnation was put.</summary>
    private sealed class HookedStore(IObjectStore inner, Func<string, Task> afterCondemnation) : DecoratingStore(inner)
    {
        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            var result = await run(cancellation);
            if (operation == StoreOperation.Put && name.StartsWith(ObjectNames.Condemnations, StringComparison.Ordinal))
                await afterCondemnation(name);
            return result;
        }
    }
}
