using VBackup.Primitives;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Holding;

/// <summary>Points that the store holds, and all that they need.</summary>
public sealed class HeldPointTests
{
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);
    private readonly HeldWorld _world = new();
    private readonly byte[] _content = Contents.Mixed(1, 3_000_000);

    private async Task<DateTimeOffset?> HoldOfAsync(string name) => await _world.Memory.FindHoldAsync(name, default);

    [Fact]
    public async Task A_point_is_held_for_as_long_as_was_asked_and_all_packs_longer()
    {
        await using var vault = _world.Holding();
        var point = await vault.BackUpAsync(_content);
        Assert.Equal(_world.GetUtcNow() + HeldWorld.HoldsFor, await HoldOfAsync(HeldWorld.NameOf(point)));
        Assert.True(point.HeldUntil > _world.GetUtcNow() + HeldWorld.HoldsFor);
        var packs = await _world.HeldAsync(ObjectNames.Packs);
        Assert.Equal((await vault.ObjectsAsync(ObjectNames.Packs)).Select(pack => pack.Name), packs.Keys);
        Assert.All(packs.Values, until => Assert.Equal(point.HeldUntil, until));
    }

    [Fact]
    public async Task Whoever_may_do_everything_to_the_store_takes_nothing_that_a_held_point_needs()
    {
        PointDocument point;
        await using (var vault = _world.Holding()) point = await vault.BackUpAsync(_content);
        await _world.DestroyAsync();
        await using var after = _world.Holding();
        Assert.Equal([point.Id], (await after.PointsAsync()).Select(one => one.Id));
        Contents.AssertSame(_content, await after.RestoreAsync(point));
    }

    [Fact]
    public async Task A_forged_decision_keeps_nobody_from_restoring_the_point()
    {
        await using var vault = _world.Holding();
        var point = await vault.BackUpAsync(_content);
        await _world.Memory.PutAsync(ObjectNames.Sessions + point.Session + ObjectNames.DecisionSuffix, new byte[100], default);
        var found = await VaultCatalog.FindAsync(vault.Vault, point.Id, default);
        await using var reading = await PointReading.BeginAsync(vault.Vault, "restore", found, default);
        Contents.AssertSame(_content, await vault.RestoreAsync(reading.Point));
    }

    [Fact]
    public async Task A_run_that_may_not_hold_puts_no_point_and_says_why()
    {
        var faulty = new FaultyStore(_world.Memory, FaultPlan.Of(new PlannedFault(StoreOperation.Hold, 2, FaultKind.FailOther)));
        await using var vault = _world.Holding(_ => faulty);
        var failure = await Assert.ThrowsAsync<StoreException>(() => vault.BackUpAsync(_content));
        Assert.Equal("hold", failure.Operation);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Points));
        faulty.AssertEveryPlannedFaultFired();
    }

    [Fact]
    public async Task A_store_that_cannot_hold_gets_no_point_that_is_to_be_held()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: runtime => runtime with { HoldsFor = HeldWorld.HoldsFor });
        var failure = await Assert.ThrowsAsync<UnusableVaultException>(() => vault.BackUpAsync(_content));
        Assert.Contains("cannot hold", failure.Message, StringComparison.Ordinal);
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Points));
    }

    [Fact]
    public async Task An_incremental_within_the_step_asks_only_for_what_it_made_and_one_after_it_for_all()
    {
        PointDocument first;
        await using (var vault = _world.Holding()) first = await vault.BackUpAsync(_content);
        var old = await _world.HeldAsync(ObjectNames.Packs);
        _world.Pass(s_hour);
        var (changed, extents) = Contents.Change(2, _content, 3, 5000);
        var counting = new LatencyStore(_world.Memory, TimeSpan.Zero, this._world);
        PointDocument second;
        await using (var vault = _world.Holding(_ => counting)) second = await vault.BackUpAsync(changed, first, extents);
        Assert.Equal(first.HeldUntil, second.HeldUntil);
        var made = await _world.HeldAsync(ObjectNames.Packs);
        Assert.InRange(made.Count, old.Count + 1, old.Count + 3);
        // Besides the new packs: the header and the point.
        Assert.Equal(made.Count - old.Count + 2, counting.Count(StoreOperation.Hold));
        Assert.All(made.Values, until => Assert.Equal(first.HeldUntil, until));

        _world.Pass(TimeSpan.FromDays(5));
        PointDocument third;
        await using (var vault = _world.Holding()) third = await vault.BackUpAsync(changed, second, new Extent(0, 4096));
        Assert.True(third.HeldUntil > second.HeldUntil);
        Assert.All(await NeededAsync(third, changed), pack => Assert.Equal(third.HeldUntil, pack.Value));
    }

    /// <summary>The packs that are left when all goes that nobody holds after the older points' time.</summary>
    private async Task<SortedDictionary<string, DateTimeOffset>> NeededAsync(PointDocument point, byte[] content)
    {
        var held = await _world.HeldAsync(ObjectNames.Packs);
        foreach (var name in held.Where(pack => pack.Value < point.HeldUntil).Select(pack => pack.Key).ToList()) held.Remove(name);
        var alone = new MemoryStore();
        foreach (var name in held.Keys) await alone.PutAsync(name, await _world.Memory.GetAsync(name, 1 << 20, default), default);
        await using var vault = TestVault.Over(alone);
        Contents.AssertSame(content, await vault.RestoreAsync(point));
        return held;
    }

    [Fact]
    public async Task A_run_without_a_base_holds_old_packs_that_it_finds_again()
    {
        await using (var vault = _world.Holding()) await vault.BackUpAsync(_content);
        _world.Pass(TimeSpan.FromDays(9));
        await using var later = _world.Holding();
        var again = await later.BackUpAsync(_content);
        Assert.Equal(0, again.Volumes[0].StoredBytes);
        Assert.Equal((await later.ObjectsAsync(ObjectNames.Packs)).Count, (await NeededAsync(again, _content)).Count);
    }

    [Fact]
    public async Task What_a_collection_has_moved_is_held_where_it_is_now()
    {
        PointDocument point;
        var (changed, extents) = Contents.Change(3, _content, 40, 60_000);
        await using (var vault = _world.NotHolding())
        {
            var first = await vault.BackUpAsync(_content);
            point = await vault.BackUpAsync(changed, first, extents);
            await vault.DeleteAsync(first);
            var collected = await vault.CollectAsync(new() { RewriteBelow = 1, SessionTimeout = TimeSpan.Zero, FilterSalt = 1 });
            Assert.True(collected.PacksRewritten > 0);
        }
        await using var holding = _world.Holding();
        var next = await holding.BackUpAsync(changed, point, new Extent(0, 1));
        await NeededAsync(next, changed);
    }
}
