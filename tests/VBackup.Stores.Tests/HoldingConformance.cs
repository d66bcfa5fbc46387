using System.Text;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What every store must do that can hold objects. A class per implementation derives from this.</summary>
public abstract class HoldingConformance : IAsyncLifetime
{
    // Real services go by their own clock: nobody waits for the end of this.
    static readonly DateTimeOffset s_tomorrow = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds())
        + TimeSpan.FromDays(1);

    IObjectStore? store;

    IObjectStore Store => store ?? throw new InvalidOperationException("Not opened.");

    static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>An empty store that can hold objects.</summary>
    protected abstract ValueTask<IObjectStore> OpenAsync();

    public async ValueTask InitializeAsync() => store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        if (store is not null)
            await store.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    Task PutAsync(string name, string text) => Store.PutAsync(name, Encoding.UTF8.GetBytes(text), Token);

    async Task<string> GetAsync(string name) => Encoding.UTF8.GetString(await Store.GetAsync(name, 100, Token));

    async Task<List<ObjectEntry>> ListAsync()
    {
        List<ObjectEntry> entries = [];
        await foreach (var entry in Store.ListAsync("", Token)) entries.Add(entry);
        return entries;
    }

    [Fact]
    public async Task It_says_that_it_can() => Assert.True(await Store.CanHoldAsync(Token));

    [Fact]
    public async Task What_is_held_is_told_until_when_and_what_is_not_has_no_such_time()
    {
        await PutAsync("points/p", "held");
        await PutAsync("points/q", "free");
        await Store.HoldAsync("points/p", s_tomorrow, Token);
        Assert.Equal(s_tomorrow, await Store.FindHoldAsync("points/p", Token));
        Assert.Null(await Store.FindHoldAsync("points/q", Token));
    }

    [Fact]
    public async Task A_time_that_is_over_holds_nothing_and_is_not_refused_to_who_may_hold()
    {
        await PutAsync("points/p", "free");
        await StoreCheck.TryHoldAsync(Store, "points/p", Token);
        await Store.DeleteAsync("points/p", Token);
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        var asked = await Assert.ThrowsAsync<StoreException>(() => Store.FindHoldAsync("points/p", Token));
        var held = await Assert.ThrowsAsync<StoreException>(() => Store.HoldAsync("points/p", s_tomorrow, Token));
        Assert.Equal((StoreFailure.NotFound, StoreFailure.NotFound), (asked.Failure, held.Failure));
    }

    [Fact]
    public async Task A_hold_gets_longer_and_never_shorter()
    {
        await PutAsync("points/p", "held");
        await Store.HoldAsync("points/p", s_tomorrow, Token);
        await Store.HoldAsync("points/p", s_tomorrow - TimeSpan.FromHours(1), Token);
        Assert.Equal(s_tomorrow, await Store.FindHoldAsync("points/p", Token));
        await Store.HoldAsync("points/p", s_tomorrow + TimeSpan.FromHours(1), Token);
        Assert.Equal(s_tomorrow + TimeSpan.FromHours(1), await Store.FindHoldAsync("points/p", Token));
    }

    [Fact]
    public async Task What_is_held_is_not_deleted_and_the_answer_says_until_when()
    {
        await PutAsync("points/p", "held");
        await Store.HoldAsync("points/p", s_tomorrow, Token);
        var refused = await Assert.ThrowsAsync<StoreException>(() => Store.DeleteAsync("points/p", Token));
        Assert.Equal((StoreFailure.Held, $"the store holds it until {s_tomorrow:u}"), (refused.Failure, refused.Reason));
        Assert.Equal("held", await GetAsync("points/p"));
        Assert.True(await Store.ExistsAsync("points/p", Token));
        Assert.Equal([new ObjectEntry("points/p", 4)], await ListAsync());
    }

    [Fact]
    public async Task What_is_put_over_what_is_held_changes_nothing()
    {
        await PutAsync("points/p", "held");
        await Store.HoldAsync("points/p", s_tomorrow, Token);
        await PutAsync("points/p", "something else");
        Assert.Equal("held", await GetAsync("points/p"));
        byte[] tail = new byte[2];
        Assert.Equal((2, 4L), await Store.ReadTailAsync("points/p", tail, Token));
        Assert.Equal("ld"u8, tail);
        Assert.Equal([new ObjectEntry("points/p", 4)], await ListAsync());
    }

    [Fact]
    public async Task What_is_not_held_is_replaced_and_deleted_as_ever()
    {
        await PutAsync("points/held", "held");
        await Store.HoldAsync("points/held", s_tomorrow, Token);
        await PutAsync("points/p", "first");
        await PutAsync("points/p", "second");
        Assert.Equal("second", await GetAsync("points/p"));
        await Store.DeleteAsync("points/p", Token);
        Assert.False(await Store.ExistsAsync("points/p", Token));
        Assert.Equal(["points/held"], (await ListAsync()).Select(entry => entry.Name));
    }
}
