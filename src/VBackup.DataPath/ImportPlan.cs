using System.Collections.Concurrent;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;

namespace VBackup.DataPath;

/// <summary>What one worker is to do next: fetch a run, or make zero what a leaf lacks.</summary>
/// <param name="Zeros">Null when there is a run.</param>
internal readonly record struct ImportPiece(ImportWindow Window, FetchRun Run, ImportLeaf? Zeros);

/// <summary>
/// Walks a volume's tree and hands out what is to be imported, in the volume's order: all workers are at the same few leaves,
/// or near them. Leaves are read ahead, so that a distant store costs few waits. Thread-safe.
/// </summary>
internal sealed class ImportPlan : IAsyncDisposable
{
    private readonly BlobReader _reader;
    private readonly VolumeTree _tree;
    private readonly HeldChunks? _held;
    private readonly bool _bestEffort;
    private readonly bool _makesZeros;
    private readonly int _slotSize;
    private readonly int _leavesAtOnce;
    private readonly CancellationTokenSource _stop;
    private readonly IAsyncEnumerator<long> _leaves;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Queue<Task<ImportLeaf>> _ahead = [];
    private readonly ConcurrentBag<ImportLeaf> _freeLeaves = [];
    private readonly ConcurrentBag<ImportWindow> _freeWindows = [];
    private ImportWindow? _window;

    /// <param name="held">Finds what is not to be handed out; null when all is.</param>
    /// <param name="bestEffort">Leaves that cannot be read are handed out as lost.</param>
    /// <param name="makesZeros">Whether the target may be dirty where the leaves lack something.</param>
    /// <param name="slotSize">The most that one read fetches.</param>
    /// <param name="leavesAtOnce">Leaves that are imported together; as many are read ahead meanwhile.</param>
    public ImportPlan(BlobReader reader, VolumeTree tree, HeldChunks? held, bool bestEffort, bool makesZeros, int slotSize,
        int leavesAtOnce, CancellationToken cancellation)
    {
        _reader = reader;
        _tree = tree;
        _held = held;
        _bestEffort = bestEffort;
        _makesZeros = makesZeros;
        _slotSize = slotSize;
        _leavesAtOnce = leavesAtOnce;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _leaves = (bestEffort ? AllLeavesAsync(tree.Shape) : tree.PresentLeavesAsync(_stop.Token)).GetAsyncEnumerator(_stop.Token);
    }

    /// <summary>Everything before this was handed out.</summary>
    public long TakenUntil { get; private set; }

    /// <summary>The next piece; null at the end. Give its window back by <see cref="Return"/>.</summary>
    /// <exception cref="DamageException">A leaf cannot be read, and best effort was not asked for.</exception>
    public async ValueTask<ImportPiece?> TakeAsync(CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            while (true)
            {
                _window ??= await NextWindowAsync().ConfigureAwait(false);
                if (_window is null) return null;
                // What others found stale meanwhile is not asked for again: the rest is read where it lies now.
                await _window.RefreshAsync(_reader, _stop.Token).ConfigureAwait(false);
                if (TakeFrom(_window) is { } piece) return piece;
                Return(_window);
                _window = null;
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Return(ImportWindow window)
    {
        if (!window.Release()) return;
        foreach (var leaf in window.Leaves) _freeLeaves.Add(leaf);
        _freeWindows.Add(window);
    }

    private ImportPiece? TakeFrom(ImportWindow window)
    {
        // First the zeros: a lost leaf is noted there, even where the target is known to be zero.
        while (window.NextToZero() is { } leaf)
        {
            if (!_makesZeros && !leaf.IsLost) continue;
            window.Use();
            return new(window, default, leaf);
        }
        if (!window.TryNextRun(_slotSize, out var run)) return null;
        window.Use();
        return new(window, run, null);
    }

    private async ValueTask<ImportWindow?> NextWindowAsync()
    {
        await ReadAheadAsync(_leavesAtOnce).ConfigureAwait(false);
        if (_ahead.Count == 0) return null;
        if (!_freeWindows.TryTake(out var window)) window = new(_leavesAtOnce);
        window.Begin();
        while (window.Leaves.Count < _leavesAtOnce && _ahead.TryDequeue(out var reading))
        {
            var leaf = await reading.ConfigureAwait(false);
            leaf.GapStart = TakenUntil;
            TakenUntil = Math.Min((leaf.Index + 1) * _tree.Shape.LeafSpan, _tree.Shape.LengthBytes);
            window.Add(leaf);
        }
        window.Sort();
        // A single worker does one thing after the other.
        if (_leavesAtOnce > 1) await ReadAheadAsync(_leavesAtOnce).ConfigureAwait(false);
        return window;
    }

    private async ValueTask ReadAheadAsync(int leaves)
    {
        while (_ahead.Count < leaves && await _leaves.MoveNextAsync().ConfigureAwait(false))
            _ahead.Enqueue(ReadAsync(_leaves.Current));
    }

    private async Task<ImportLeaf> ReadAsync(long index)
    {
        if (!_freeLeaves.TryTake(out var leaf)) leaf = new();
        leaf.Begin(index);
        try
        {
            await _tree.ReadLeafAsync(index, leaf.Node, _stop.Token).ConfigureAwait(false);
        }
        catch (DamageException) when (_bestEffort)
        {
            // Asked for: what lies below is named as bad and becomes zeros.
            leaf.Lose();
        }
        // Where nobody has to wait it would be done here, while all others wait for the gate.
        if (_held is not null) await Task.Run(() => _held.MarkAsync(leaf, _stop.Token), _stop.Token).ConfigureAwait(false);
        return leaf;
    }

    private static async IAsyncEnumerable<long> AllLeavesAsync(TreeShape shape)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        for (long leaf = 0; leaf < shape.LeafCount; leaf++) yield return leaf;
    }

    public async ValueTask DisposeAsync()
    {
        // Leaves that nobody wants any more, because the import failed.
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var reading in _ahead) await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _leaves.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
        _gate.Dispose();
    }
}
