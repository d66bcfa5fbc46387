using System.Runtime.InteropServices;
using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

/// <summary>A whole small index object in memory.</summary>
internal static class IndexObjectBytes
{
    /// <summary>Encodes entries that are sorted by id.</summary>
    public static (ObjectId Id, byte[] Bytes) Encode(BackupVault vault, ObjectId[] packs, List<IndexEntry> entries)
    {
        var id = ObjectId.New(vault.Runtime.FillRandom);
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Index, id);
        var all = CollectionsMarshal.AsSpan(entries);
        var blocks = (all.Length + FormatLimits.IndexBlockEntries - 1) / FormatLimits.IndexBlockEntries;
        var fences = new ulong[blocks];
        for (var block = 0; block < blocks; block++) fences[block] = all[block * FormatLimits.IndexBlockEntries].Id.Value.Prefix;
        var footer = IndexCodec.EncodeFooter(cipher, new(all.Length, packs, fences));
        var bytes = new byte[ObjectHeader.Size + all.Length * IndexEntry.Size + blocks * FormatLimits.TagSize + footer.Length];
        ObjectHeader.Write(bytes, ObjectKind.Index, id);
        for (var block = 0; block < blocks; block++)
        {
            var from = block * FormatLimits.IndexBlockEntries;
            var count = Math.Min(FormatLimits.IndexBlockEntries, all.Length - from);
            IndexCodec.EncodeBlock(cipher, block, all.Slice(from, count), bytes.AsSpan((int)IndexCodec.BlockOffset(block)));
        }
        footer.CopyTo(bytes, bytes.Length - footer.Length);
        return (id, bytes);
    }
}
