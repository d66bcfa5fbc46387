using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What a check of a store says, where the store is all right and where it does not do as it says.</summary>
public sealed class StoreCheckTests
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    static async Task<List<string>> NamesIn(IObjectStore store)
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync("", Token)) names.Add(entry.Name);
        return names;
    }

    [Fact]
    public async Task A_folder_and_memory_lack_nothing_and_keep_nothing_of_the_check()
    {
        using var folder = new TemporaryFolder();
        await using var files = FileSystemStore.Open(folder.Path);
        await using var memory = new MemoryStore();
        foreach (var store in (IObjectStore[])[files, memory])
        {
            var result = await StoreCheck.RunAsync(store, Token);
            Assert.Empty(result.Lacks);
            Assert.True(result.IsUsable);
            Assert.Empty(await NamesIn(store));
        }
        Assert.Empty(Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData(StoreOperation.Put, StoreAbility.Put)]
    [InlineData(StoreOperation.Commit, StoreAbility.Write)]
    [InlineData(StoreOperation.Get, StoreAbility.Read)]
    [InlineData(StoreOperation.List, StoreAbility.List)]
    [InlineData(StoreOperation.Delete, StoreAbility.Delete)]
    [InlineData(StoreOperation.ListUnfinished, StoreAbility.TidyUp)]
    [InlineData(StoreOperation.DiscardUnfinished, StoreAbility.TidyUp)]
    public async Task An_operation_that_is_refused_is_named_and_nothing_else(StoreOperation refused, StoreAbility ability)
    {
        await using var store = new RefusingStore(new MemoryStore(), refused);
        var result = await StoreCheck.RunAsync(store, Token);
        var lack = Assert.Single(result.Lacks);
        Assert.Equal((ability, "not for you"), (lack.Ability, lack.Reason));
        Assert.False(result.IsUsable);
        Assert.Equal(refused == StoreOperation.Delete, result.IsLeftBehind);
    }

    [Fact]
    public async Task A_store_that_cannot_create_once_is_usable_all_the_same()
    {
        await using var store = new RefusingStore(new MemoryStore(), StoreOperation.CanCreateOnce);
        var result = await StoreCheck.RunAsync(store, Token);
        Assert.Equal(StoreAbility.CreateOnce, Assert.Single(result.Lacks).Ability);
        Assert.True(result.IsUsable);
    }

    [Fact]
    public async Task A_store_that_holds_for_others_only_is_usable_and_cannot_hold()
    {
        await using var store = new RefusingStore(new MemoryStore(TimeProvider.System), StoreOperation.Hold);
        var result = await StoreCheck.RunAsync(store, Token);
        Assert.Equal(StoreAbility.Hold, Assert.Single(result.Lacks).Ability);
        Assert.Equal((true, false, false), (result.IsUsable, result.CanHold, result.IsLeftBehind));
        await using var whole = new MemoryStore(TimeProvider.System);
        Assert.True((await StoreCheck.RunAsync(whole, Token)).CanHold);
        Assert.Empty(await NamesIn(whole));
    }

    [Fact]
    public async Task Whoever_is_refused_everything_is_told_what_the_store_said()
    {
        await using var store = new RefusingStore(new MemoryStore(), Enum.GetValues<StoreOperation>());
        Assert.Equal("not for you", (await Assert.ThrowsAsync<StoreException>(() => StoreCheck.RunAsync(store, Token))).Reason);
    }

    [Fact]
    public async Task A_store_that_is_out_of_reach_is_not_said_to_lack_anything()
    {
        await using var store = new RefusingStore(new MemoryStore(), StoreFailure.Unreachable, StoreOperation.List);
        Assert.Equal(StoreFailure.Unreachable, (await Assert.ThrowsAsync<StoreException>(() => StoreCheck.RunAsync(store, Token))).Failure);
    }

    /// <summary>Refuses some operations.</summary>
    sealed class RefusingStore(IObjectStore inner, StoreFailure failure, params StoreOperation[] refused) : DecoratingStore(inner)
    {
        public RefusingStore(IObjectStore inner, params StoreOperation[] refused) : this(inner, StoreFailure.Refused, refused) { }

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => refused.Contains(operation)
                ? Task.FromException<T>(new StoreException(failure, "do", name, "not for you")) : run(cancellation);
    }
}
