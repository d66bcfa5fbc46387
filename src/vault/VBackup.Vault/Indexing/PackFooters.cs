using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Indexing;

/// <summary>Reads what packs say of themselves.</summary>
internal static class PackFooters
{
    /// <summary>Holds the footer of a pack of 128 KiB chunks; one with more blobs takes a second read.</summary>
    private const int FirstGuess = 32 * 1024;

    /// <exception cref="DamageException">The pack is not what was stored.</exception>
    public static Task<PackEntry[]> ReadAsync(BackupVault vault, ObjectId id, CancellationToken cancellation) =>
        ReadAsync(vault, vault.Store, id, cancellation);

    /// <param name="store">Where the pack lies: the vault's store, or a spool.</param>
    /// <inheritdoc cref="ReadAsync(BackupVault, ObjectId, CancellationToken)"/>
    public static async Task<PackEntry[]> ReadAsync(BackupVault vault, IObjectStore store, ObjectId id, CancellationToken cancellation)
    {
        var name = ObjectNames.Pack(id);
        var tail = new byte[FirstGuess];
        var (read, length) = await store.ReadTailAsync(name, tail, cancellation).ConfigureAwait(false);
        var trailer = ObjectTrailer.Read(tail.AsSpan(0, read), ObjectTrailer.PackMagic, name);
        if (trailer.FooterLength > PackFooter.TailSizeMax || trailer.FooterLength + ObjectTrailer.Size > length)
            throw new DamageException(name, "its footer's length makes no sense");
        if (trailer.FooterLength + ObjectTrailer.Size > read)
        {
            tail = new byte[trailer.FooterLength + ObjectTrailer.Size];
            (read, length) = await store.ReadTailAsync(name, tail, cancellation).ConfigureAwait(false);
        }
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, id);
        return PackFooter.Decode(cipher, tail.AsSpan(0, read), length);
    }

    /// <summary>An index object for one pack.</summary>
    public static (ObjectId Id, byte[] Bytes) Index(BackupVault vault, ObjectId pack, PackEntry[] footer)
    {
        List<IndexEntry> entries = [.. footer.Select(entry => new IndexEntry(entry.Id, 0, entry.Offset, entry.Length))];
        entries.Sort((left, right) => left.Id.CompareTo(right.Id));
        return IndexObjectBytes.Encode(vault, [pack], entries);
    }
}
