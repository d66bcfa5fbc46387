using VBackup.Primitives;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Collections of a store that is as good as full.</summary>
public sealed class LittleRoomTests
{
    /// <summary>For a registration, condemnations, and what else is small; not for a pack.</summary>
    private const int LittleRoom = 64 * 1024;
    private const int Run = 32 * 4096;

    private static readonly CollectorOptions s_options = new() { SessionTimeout = TimeSpan.Zero, FilterSalt = 1 };

    [Fact]
    public async Task What_nobody_needs_goes_first_and_makes_room_for_what_is_worth_rewriting()
    {
        var store = new QuotaStore(new MemoryStore());
        await using var vault = TestVault.Over(store);
        var (kept, content) = await MakeWastefulAsync(vault);
        await vault.DeleteAsync(await vault.BackUpAsync(Noise(3, 2 << 20)));
        store.QuotaBytes = await store.UsedBytesAsync() + LittleRoom;

        var result = await vault.CollectAsync(s_options);

        Assert.False(result.IsShortOfRoom);
        Assert.True(result.PacksRewritten > 0);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        Contents.AssertSame(content, await vault.RestoreAsync(kept));
        // What a copying that ended for lack of room had copied twice goes with the next one.
        store.QuotaBytes = long.MaxValue;
        result = await vault.CollectAsync(s_options);
        Assert.InRange(result.WasteBytes, 0, result.PackBytes * 15 / 100);
        Contents.AssertSame(content, await vault.RestoreAsync(kept));
    }

    [Fact]
    public async Task Where_there_is_no_room_to_rewrite_a_collection_says_so_and_nothing_is_lost()
    {
        var store = new QuotaStore(new MemoryStore());
        await using var vault = TestVault.Over(store);
        var (kept, content) = await MakeWastefulAsync(vault);
        store.QuotaBytes = await store.UsedBytesAsync() + LittleRoom;

        var result = await vault.CollectAsync(s_options);

        Assert.True(result.IsShortOfRoom);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        Contents.AssertSame(content, await vault.RestoreAsync(kept));
        store.QuotaBytes = long.MaxValue;
        Assert.False((await vault.CollectAsync(s_options)).IsShortOfRoom);
        Assert.True((await Verifying.Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
        Contents.AssertSame(content, await vault.RestoreAsync(kept));
    }

    // Of the packs of a point that is gone, every other run of chunks is in use.
    private static async Task<(PointDocument Kept, byte[] Content)> MakeWastefulAsync(TestVault vault)
    {
        var content = Noise(1, 4 << 20);
        var gone = await vault.BackUpAsync(content);
        List<Extent> changed = [];
        content = content.ToArray();
        for (var at = 0; at < content.Length; at += 2 * Run)
        {
            Noise(at + 2, Run).CopyTo(content, at);
            changed.Add(new(at, Run));
        }
        var kept = await vault.BackUpAsync(content, gone, [.. changed]);
        await vault.DeleteAsync(gone);
        return (kept, content);
    }

    private static byte[] Noise(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
