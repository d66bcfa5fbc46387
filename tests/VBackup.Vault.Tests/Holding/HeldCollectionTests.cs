using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Holding;

/// <summary>Collections in a vault of which the store holds much.</summary>
public sealed class HeldCollectionTests
{
    private readonly HeldWorld _world = new();
    private readonly byte[] _content = Contents.Mixed(1, 2_000_000);

    [Fact]
    public async Task A_young_point_is_not_deleted_and_an_old_one_is()
    {
        await using var vault = _world.Holding();
        var point = await vault.BackUpAsync(_content);
        _world.Pass(HeldWorld.HoldsFor - TimeSpan.FromSeconds(1));
        var refused = await Assert.ThrowsAsync<StoreException>(() => vault.DeleteAsync(point));
        Assert.Equal((StoreFailure.Held, "the store holds it until 2030-01-11 00:00:00Z"), (refused.Failure, refused.Reason));
        _world.Pass(TimeSpan.FromSeconds(1));
        await vault.DeleteAsync(point);
        Assert.Empty(await vault.PointsAsync());
    }

    [Fact]
    public async Task A_collection_passes_over_what_is_held_and_deletes_it_when_that_is_over()
    {
        await using var vault = _world.Holding();
        var point = await vault.BackUpAsync(_content);
        _world.Pass(HeldWorld.HoldsFor);
        await vault.DeleteAsync(point);
        var packs = await vault.ObjectsAsync(ObjectNames.Packs);
        var early = await vault.CollectAsync();
        Assert.Equal((0, packs.Count), (early.PacksDeleted, early.PacksHeld));
        Assert.Equal(packs, await vault.ObjectsAsync(ObjectNames.Packs));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        _world.Pass(point.HeldUntil!.Value - _world.GetUtcNow());
        var late = await vault.CollectAsync();
        Assert.Equal((packs.Count, 0), (late.PacksDeleted, late.PacksHeld));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Packs));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Indexes));
    }

    [Fact]
    public async Task A_pack_that_becomes_held_while_a_collection_goes_on_is_no_error_and_is_known_to_the_next()
    {
        await using var vault = _world.Holding(store => new BlindStore(store));
        var point = await vault.BackUpAsync(_content);
        _world.Pass(HeldWorld.HoldsFor);
        await vault.DeleteAsync(point);
        var packs = (await vault.ObjectsAsync(ObjectNames.Packs)).Count;
        Assert.Equal(0, (await vault.CollectAsync()).PacksDeleted);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Collectors));
        await using var seeing = _world.Holding();
        var again = await seeing.BackUpAsync(_content);
        await seeing.CollectAsync();
        Contents.AssertSame(_content, await seeing.RestoreAsync(again));
        Assert.True((await Verifier.RunAsync(seeing.Vault, allData: true, null, default)).IsSound);
        Assert.Equal(packs, (await _world.HeldAsync(ObjectNames.Packs)).Count(pack => pack.Value == point.HeldUntil));
    }

    [Fact]
    public async Task Points_of_before_are_held_by_the_next_collection()
    {
        PointDocument point;
        await using (var before = _world.NotHolding()) point = await before.BackUpAsync(_content);
        Assert.Empty(await _world.HeldAsync(""));
        _world.Pass(TimeSpan.FromDays(3));
        await using var vault = _world.Holding();
        await vault.CollectAsync();
        Assert.Equal(point.CreatedAt + HeldWorld.HoldsFor, await _world.Memory.FindHoldAsync(HeldWorld.NameOf(point), default));
        await _world.DestroyAsync();
        Contents.AssertSame(_content, await vault.RestoreAsync((await vault.PointsAsync()).Single()));
    }

    [Fact]
    public async Task Points_that_are_old_enough_are_not_held_any_more()
    {
        await using (var before = _world.NotHolding()) await before.BackUpAsync(_content);
        _world.Pass(HeldWorld.HoldsFor);
        await using var vault = _world.Holding();
        await vault.CollectAsync();
        Assert.Empty(await _world.HeldAsync(""));
    }

    /// <summary>Tells of no hold: as if each had been made right after it was asked for.</summary>
    private sealed class BlindStore(IObjectStore inner) : DecoratingStore(inner)
    {
        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => run(cancellation);

        public override Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation) =>
            Task.FromResult<DateTimeOffset?>(null);
    }
}
