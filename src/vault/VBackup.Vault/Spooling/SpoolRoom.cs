using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Spooling;

/// <summary>
/// How much a spool may hold. What is in the store already stays as a cache, and gives way, oldest first. Thread-safe.
/// </summary>
/// <param name="freeBytes">What the file system has left.</param>
internal sealed class SpoolRoom(IObjectStore store, long sizeMax, long packSizeMax, Func<CancellationToken, Task<long>> freeBytes)
    : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Queue<(ObjectId Pack, long Length)> _cached = [];
    private long _used;
    private int _leaving;
    private bool _isBroken;
    private TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>At the start: what is there already.</summary>
    public void Count(ObjectId pack, long length, bool isCached)
    {
        _used += length;
        if (isCached) _cached.Enqueue((pack, length));
    }

    /// <summary>Waits until there is room for one more pack.</summary>
    /// <returns>False when there is none, and nothing is on its way out that would make some.</returns>
    public async Task<bool> EnterAsync(CancellationToken cancellation)
    {
        while (true)
        {
            Task left;
            await _gate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                while (!await FitsAsync(cancellation).ConfigureAwait(false) && _cached.TryPeek(out var oldest))
                {
                    // Only what is gone leaves the queue: of one that was not deleted the room would be counted for ever. One that was, and
                    // of which that was not told, is deleted once more, which is no error.
                    await store.DeleteAsync(ObjectNames.Pack(oldest.Pack), cancellation).ConfigureAwait(false);
                    _cached.Dequeue();
                    _used -= oldest.Length;
                }
                if (await FitsAsync(cancellation).ConfigureAwait(false))
                {
                    _used += packSizeMax;
                    return true;
                }
                if (_leaving == 0 || _isBroken) return false;
                left = _left.Task;
            }
            finally
            {
                _gate.Release();
            }
            await left.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> FitsAsync(CancellationToken cancellation) =>
        _used + packSizeMax <= sizeMax && await freeBytes(cancellation).ConfigureAwait(false) >= packSizeMax;

    /// <summary>A pack that entered is complete, and takes no more than its length.</summary>
    public Task CompleteAsync(long length) => ChangeAsync(() => _used += length - packSizeMax);

    /// <summary>A complete pack is on its way to the store: its room can be waited for.</summary>
    public Task LeavingAsync() => ChangeAsync(() => _leaving++);

    /// <summary>It is there. Its room is free when it is indexed too, but for that other packs may be needed first.</summary>
    public Task SentAsync() => ChangeAsync(() => _leaving--);

    /// <summary>It is indexed; its copy may go.</summary>
    public Task LeftAsync(ObjectId pack, long length) => ChangeAsync(() => _cached.Enqueue((pack, length)));

    /// <summary>A pack could not be sent: nobody may wait for its room.</summary>
    public Task BreakAsync() => ChangeAsync(() => _isBroken = true);

    /// <summary>A pack that entered was never completed, and is gone.</summary>
    public Task GiveUpAsync() => ChangeAsync(() => _used -= packSizeMax);

    private async Task ChangeAsync(Action change)
    {
        // Waits for no more than a deletion; what has happened cannot be cancelled.
        await _gate.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        change();
        var (left, next) = (_left, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _left = next;
        _gate.Release();
        left.SetResult();
    }

    public void Dispose() => _gate.Dispose();
}
