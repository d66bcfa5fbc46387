using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Collecting;

/// <summary>Streams sorted entries into an index object.</summary>
internal sealed class IndexWriter(BackupVault vault, PackTable packs) : IAsyncDisposable
{
    private readonly IndexEntry[] _block = new IndexEntry[FormatLimits.IndexBlockEntries];
    private readonly byte[] _bytes = new byte[IndexCodec.BlockSizeMax];
    private readonly Dictionary<int, int> _locals = [];
    private readonly List<ObjectId> _localIds = [];
    private readonly List<ulong> _fences = [];
    private int _inBlock;
    private long _entries;
    private ObjectCipher? _cipher;
    private IObjectWriter? _writer;

    /// <summary>Objects that are durable.</summary>
    public int Written { get; private set; }

    /// <summary>Adds an entry whose pack is an ordinal of the table. REQUIRES: ids come in order.</summary>
    public async ValueTask AddAsync(IndexEntry entry, CancellationToken cancellation)
    {
        if (_writer is null) await OpenAsync(cancellation).ConfigureAwait(false);
        if (!_locals.TryGetValue(entry.Pack, out var local))
        {
            _locals.Add(entry.Pack, local = _localIds.Count);
            _localIds.Add(packs[entry.Pack]);
        }
        _block[_inBlock++] = entry with { Pack = local };
        _entries++;
        if (_inBlock == _block.Length) await FlushBlockAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes what was added durable.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellation)
    {
        if (_writer is null) return;
        await FlushBlockAsync(cancellation).ConfigureAwait(false);
        var footer = IndexCodec.EncodeFooter(_cipher!, new(_entries, [.. _localIds], [.. _fences]));
        await _writer.AppendAsync(footer, cancellation).ConfigureAwait(false);
        await _writer.CommitAsync(cancellation).ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
        Written++;
    }

    private async ValueTask OpenAsync(CancellationToken cancellation)
    {
        var id = ObjectId.New(vault.Runtime.FillRandom);
        _writer = await vault.Store.OpenWriterAsync(ObjectNames.Index(id), cancellation).ConfigureAwait(false);
        _cipher = new ObjectCipher(vault.Keys, ObjectKind.Index, id);
        _entries = 0;
        _locals.Clear();
        _localIds.Clear();
        _fences.Clear();
        ObjectHeader.Write(_bytes, ObjectKind.Index, id);
        await _writer.AppendAsync(_bytes.AsMemory(0, ObjectHeader.Size), cancellation).ConfigureAwait(false);
    }

    private async ValueTask FlushBlockAsync(CancellationToken cancellation)
    {
        if (_inBlock == 0) return;
        var length = IndexCodec.EncodeBlock(_cipher!, _fences.Count, _block.AsSpan(0, _inBlock), _bytes);
        _fences.Add(_block[0].Id.Value.Prefix);
        _inBlock = 0;
        await _writer!.AppendAsync(_bytes.AsMemory(0, length), cancellation).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _cipher?.Dispose();
        _cipher = null;
        if (_writer is not null) await _writer.DisposeAsync().ConfigureAwait(false);
        _writer = null;
    }
}
