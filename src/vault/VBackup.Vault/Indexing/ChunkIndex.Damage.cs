using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

// What becomes of index objects that cannot be read, or not whole.
internal sealed partial class ChunkIndex
{
    /// <summary>Index objects with blocks that cannot be opened, beside others that can. Empty unless opened tolerantly to scan.</summary>
    public List<IndexObject> PartlyReadable { get; } = [];

    /// <summary>Finds index objects with a block that cannot be opened, and takes them out.</summary>
    private void CheckBlocks()
    {
        lock (_lock)
        {
            for (var ordinal = _objects.Count - 1; ordinal >= 0; ordinal--)
            {
                try
                {
                    for (var block = 0; block < _objects[ordinal].BlockCount; block++) CachedBlock(ordinal, block);
                }
                catch (DamageException damage)
                {
                    Unreadable.Add(damage);
                    PartlyReadable.Add(_objects[ordinal]);
                    _objects.RemoveAt(ordinal);
                    ForgetCachedBlocks();
                }
            }
            // A pack counts as indexed only by what can be read.
            for (var pack = 0; pack < Packs.Count; pack++) Packs.At(pack).IsIndexed = false;
            foreach (var indexObject in _objects)
                foreach (var pack in indexObject.Packs) Packs.At(pack).IsIndexed = true;
        }
    }

    // Its packs no longer count as named, so that whoever looks for something looks into their footers.
    private void NoteUnreadable(IndexObject indexObject, DamageException damage)
    {
        lock (_lock)
        {
            if (!Unreadable.Exists(known => known.ObjectName == damage.ObjectName)) Unreadable.Add(damage);
            foreach (var pack in indexObject.Packs) Packs.At(pack).IsIndexed = false;
        }
    }

    /// <summary>Visits what can still be read of one of <see cref="PartlyReadable"/>. The packs are ordinals in <see
    /// cref="Packs"/>.</summary>
    public void VisitReadable(IndexObject partly, Action<IndexEntry> visit)
    {
        var plaintext = new byte[PlaintextBlockSizeMax];
        for (var block = 0; block < partly.BlockCount; block++)
        {
            var length = partly.EntriesIn(block) * IndexEntry.Size;
            try
            {
                OpenSpooledBlock(partly, block, plaintext.AsSpan(0, length));
            }
            catch (DamageException)
            {
                // Noted when the index was opened.
                continue;
            }
            for (var at = 0; at < length; at += IndexEntry.Size)
            {
                var entry = IndexEntry.Read(plaintext.AsSpan(at));
                if ((uint)entry.Pack < (uint)partly.PackCount) visit(entry with { Pack = partly.PackOrdinal(entry.Pack) });
            }
        }
    }
}
