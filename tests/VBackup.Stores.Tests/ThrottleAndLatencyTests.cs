using Microsoft.Extensions.Time.Testing;
using VBackup.Vault.Stores.Faults;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class ThrottleAndLatencyTests
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    static void Advance(FakeTimeProvider clock, double seconds) => clock.Advance(TimeSpan.FromSeconds(seconds));

    [Fact]
    public async Task A_second_worth_passes_at_once_and_the_rest_waits_its_time()
    {
        var clock = new FakeTimeProvider();
        await using var store = new ThrottlingStore(new MemoryStore(), 1000, null, clock);
        var first = store.PutAsync("a", new byte[1000], Token);
        Assert.True(first.IsCompletedSuccessfully);
        var second = store.PutAsync("b", new byte[2000], Token);
        Advance(clock, 1.99);
        Assert.False(second.IsCompleted);
        Advance(clock, 0.02);
        await second;
    }

    [Fact]
    public async Task Nothing_is_sent_before_its_turn()
    {
        var clock = new FakeTimeProvider();
        var memory = new MemoryStore();
        await using var store = new ThrottlingStore(memory, 1000, null, clock);
        var put = store.PutAsync("a", new byte[3000], Token);
        Assert.False(await memory.ExistsAsync("a", Token));
        Advance(clock, 2.001);
        await put;
        Assert.True(await memory.ExistsAsync("a", Token));
    }

    [Fact]
    public async Task Many_callers_share_the_rate()
    {
        var clock = new FakeTimeProvider();
        await using var store = new ThrottlingStore(new MemoryStore(), 1000, null, clock);
        var puts = Enumerable.Range(0, 11).Select(i => store.PutAsync($"p{i}", new byte[1000], Token)).ToArray();
        for (int second = 0; second <= 10; second++)
        {
            await Task.WhenAll(puts[..(second + 1)]);
            Assert.Equal(second + 1, puts.Count(p => p.IsCompleted));
            Advance(clock, 1.001);
        }
    }

    [Fact]
    public async Task What_is_received_is_paid_for_by_what_came_not_by_what_could_have()
    {
        var clock = new FakeTimeProvider();
        await using var store = new ThrottlingStore(new MemoryStore(), null, 1000, clock);
        await store.PutAsync("index/i", new byte[900], Token);
        Assert.Equal(900, (await store.GetAsync("index/i", int.MaxValue, Token)).Length);
        Assert.Equal(100, await store.ReadAsync("index/i", 800, new byte[100_000], Token));
        var tail = store.ReadTailAsync("index/i", new byte[500], Token).AsTask();
        Assert.False(tail.IsCompleted);
        Advance(clock, 0.501);
        await tail;
    }

    [Fact]
    public async Task Appends_are_held_back_and_up_does_not_slow_down()
    {
        var clock = new FakeTimeProvider();
        await using var store = new ThrottlingStore(new MemoryStore(), 1000, 1000, clock);
        await using var writer = await store.OpenWriterAsync("packs/ab/p", Token);
        await writer.AppendAsync(new byte[1000], Token);
        var append = writer.AppendAsync(new byte[1000], Token).AsTask();
        Assert.False(append.IsCompleted);
        Assert.False(await store.ExistsAsync("packs/ab/p", Token));
        Advance(clock, 1.001);
        await append;
    }

    [Fact]
    public async Task Every_round_trip_takes_its_delay_and_is_counted()
    {
        var clock = new RushingClock();
        await using var store = new LatencyStore(new MemoryStore(), TimeSpan.FromMilliseconds(20), clock);
        await store.PutAsync("a", new byte[1], Token);
        await store.GetAsync("a", 1, Token);
        await store.GetAsync("a", 1, Token);
        await using (var writer = await store.OpenWriterAsync("packs/ab/p", Token))
        {
            await writer.AppendAsync(new byte[5], Token);
            await writer.CommitAsync(Token);
        }
        Assert.Equal(5, store.RoundTrips);
        Assert.Equal(2, store.Count(StoreOperation.Get));
        Assert.Equal(0, store.Count(StoreOperation.Append));
        Assert.Equal(Enumerable.Repeat(TimeSpan.FromMilliseconds(20), 5), clock.Delays);
        store.Reset();
        Assert.Equal(0, store.RoundTrips);
    }

    [Fact]
    public async Task Round_trips_at_the_same_time_do_not_lengthen_the_chain()
    {
        var clock = new FakeTimeProvider();
        await using var store = new LatencyStore(new MemoryStore(), TimeSpan.FromMilliseconds(20), clock);
        for (int round = 0; round < 3; round++)
        {
            var exists = Enumerable.Range(0, 10).Select(i => store.ExistsAsync($"p{i}", Token)).ToArray();
            clock.Advance(TimeSpan.FromMilliseconds(20));
            await Task.WhenAll(exists);
        }
        Assert.Equal(30, store.RoundTrips);
        Assert.Equal(3, store.LongestChain);
    }

    [Fact]
    public async Task A_listing_costs_a_round_trip_per_page()
    {
        var memory = new MemoryStore();
        for (int i = 0; i < 2001; i++)
            await memory.PutAsync($"index/{i}", new byte[1], Token);
        await using var store = new LatencyStore(memory, TimeSpan.Zero, new RushingClock());
        await foreach (var _ in store.ListAsync("index/", Token)) { }
        Assert.Equal(3, store.Count(StoreOperation.List));
    }
}
