using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests;

public sealed class RoundTripTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(256 * 4096)]
    [InlineData(256 * 4096 + 1)]
    [InlineData(3_000_001)]
    public async Task A_volume_of_any_length_comes_back_bit_for_bit(int length)
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(length, length);
        var point = await vault.BackUpAsync(content);
        Assert.Equal(content, await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task A_volume_of_zeros_has_no_root_and_stores_nothing()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var point = await vault.BackUpAsync(new byte[1_000_000]);
        Assert.Null(point.Volumes[0].Root);
        Assert.Equal(0, point.Volumes[0].StoredBytes);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Packs));
        Assert.Equal(new byte[1_000_000], await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task An_incremental_told_the_changes_reads_only_those_and_is_complete()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var first = Contents.Mixed(1, 5_000_000);
        var full = await vault.BackUpAsync(first);
        var (second, changed) = Contents.Change(2, first, 20, 9000);
        var incremental = await vault.BackUpAsync(second, full, changed);
        Assert.Equal(PointType.Incremental, incremental.Type);
        Assert.True(incremental.Volumes[0].ReadBytes < 500_000, $"read {incremental.Volumes[0].ReadBytes}");
        Assert.Equal(second, await vault.RestoreAsync(incremental));
        Assert.Equal(first, await vault.RestoreAsync(full));
    }

    [Fact]
    public async Task An_incremental_without_changes_told_rereads_and_stores_what_differs()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var first = Contents.Mixed(1, 5_000_000);
        var full = await vault.BackUpAsync(first);
        var (second, _) = Contents.Change(2, first, 20, 9000);
        var incremental = await vault.BackUpAsync(second, full);
        Assert.True(incremental.Volumes[0].StoredBytes < full.Volumes[0].StoredBytes / 3);
        Assert.Equal(second, await vault.RestoreAsync(incremental));
    }

    [Fact]
    public async Task A_second_full_of_the_same_volume_stores_nothing_new()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var content = Contents.Mixed(1, 3_000_000);
        var first = await vault.BackUpAsync(content);
        var second = await vault.BackUpAsync(content);
        Assert.Equal(0, second.Volumes[0].StoredBytes);
        Assert.Equal(first.Volumes[0].Root!.Id, second.Volumes[0].Root!.Id);
    }

    [Fact]
    public async Task Collection_after_deleting_a_point_frees_its_space_and_keeps_the_others()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var first = Contents.Mixed(1, 3_000_000);
        var full = await vault.BackUpAsync(first);
        var (second, changed) = Contents.Change(2, first, 2000, 9000);
        var incremental = await vault.BackUpAsync(second, full, changed);
        await vault.DeleteAsync(full);
        var result = await vault.CollectAsync();
        Assert.True(result.PacksDeleted > 0);
        Assert.True(result.WasteBytes <= 0.15 * result.PackBytes, $"{result}");
        Assert.Equal(second, await vault.RestoreAsync(incremental));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Sessions));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Collectors));

        await vault.DeleteAsync(incremental);
        await vault.CollectAsync();
        Assert.Empty(await vault.ObjectsAsync());
    }
}
