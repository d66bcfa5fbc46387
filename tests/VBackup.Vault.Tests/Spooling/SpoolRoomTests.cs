using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;
using Xunit;

namespace VBackup.Vault.Tests.Spooling;

/// <summary>A spool that is full of cached packs, one of which cannot be deleted at first.</summary>
public sealed class SpoolRoomTests
{
    private const long PackSize = 1000;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task The_room_of_a_pack_whose_deletion_failed_is_found_by_the_next_who_needs_it(bool isDone, bool isCancelled)
    {
        await using var store = new RefusingOnce(new MemoryStore(), isDone, () => isCancelled
            ? new OperationCanceledException() : new StoreException(StoreFailure.Unreachable, "delete", "pack", "not now"));
        using var room = new SpoolRoom(store, sizeMax: 2 * PackSize, PackSize, _ => Task.FromResult(long.MaxValue));
        ObjectId[] packs = [IdOf(1), IdOf(2)];
        foreach (var pack in packs)
        {
            await store.PutAsync(ObjectNames.Pack(pack), new byte[PackSize], default);
            room.Count(pack, PackSize, isCached: true);
        }
        await Assert.ThrowsAnyAsync<Exception>(() => room.EnterAsync(default));
        // Nobody is waited for: without the room of both there is none for the second.
        Assert.True(await room.EnterAsync(default));
        Assert.True(await room.EnterAsync(default));
        foreach (var pack in packs) Assert.False(await store.ExistsAsync(ObjectNames.Pack(pack), default));
        Assert.False(await room.EnterAsync(default));
    }

    private static ObjectId IdOf(byte number) => ObjectId.New(bytes => bytes.Fill(number));

    /// <summary>Its first deletion fails, whether it was done or not.</summary>
    private sealed class RefusingOnce(IObjectStore inner, bool isDone, Func<Exception> failure) : DecoratingStore(inner)
    {
        private bool _hasRefused;

        protected override async Task<T> AroundAsync<T>(
            StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            if (operation != StoreOperation.Delete || _hasRefused) return await run(cancellation);
            _hasRefused = true;
            if (isDone) await run(cancellation);
            throw failure();
        }
    }
}
