using System.Buffers;
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
        PackEntry[] entries = [];
        await VisitAsync(vault, store, id, footer => entries = footer.ToArray(), cancellation).ConfigureAwait(false);
        return entries;
    }

    /// <summary>Reads a footer into memory that is lent, for those who read many.</summary>
    /// <param name="visit">Gets the entries in the order of their offsets; they are good until it returns.</param>
    /// <exception cref="DamageException">The pack is not what was stored.</exception>
    public static Task VisitAsync(
        BackupVault vault, ObjectId id, Action<ReadOnlySpan<PackEntry>> visit, CancellationToken cancellation) =>
        VisitAsync(vault, vault.Store, id, visit, cancellation);

    private static async Task VisitAsync(BackupVault vault, IObjectStore store, ObjectId id,
        Action<ReadOnlySpan<PackEntry>> visit, CancellationToken cancellation)
    {
        var name = ObjectNames.Pack(id);
        var tail = ArrayPool<byte>.Shared.Rent(FirstGuess);
        try
        {
            var (read, length) = await store.ReadTailAsync(name, tail, cancellation).ConfigureAwait(false);
            var trailer = ObjectTrailer.Read(tail.AsSpan(0, read), ObjectTrailer.PackMagic, name);
            if (trailer.FooterLength > PackFooter.TailSizeMax || trailer.FooterLength + ObjectTrailer.Size > length)
                throw new DamageException(name, "its footer's length makes no sense");
            if (trailer.FooterLength + ObjectTrailer.Size > read)
            {
                ArrayPool<byte>.Shared.Return(tail);
                tail = [];
                tail = ArrayPool<byte>.Shared.Rent(trailer.FooterLength + ObjectTrailer.Size);
                (read, length) = await store.ReadTailAsync(
                    name, tail.AsMemory(0, trailer.FooterLength + ObjectTrailer.Size), cancellation).ConfigureAwait(false);
            }
            Decode(vault, id, tail.AsSpan(0, read), length, visit);
        }
        finally
        {
            if (tail.Length > 0) ArrayPool<byte>.Shared.Return(tail);
        }
    }

    private static void Decode(
        BackupVault vault, ObjectId id, ReadOnlySpan<byte> tail, long length, Action<ReadOnlySpan<PackEntry>> visit)
    {
        using var cipher = new ObjectCipher(vault.Keys, ObjectKind.Pack, id);
        var entries = ArrayPool<PackEntry>.Shared.Rent(tail.Length / PackEntry.Size);
        try
        {
            visit(entries.AsSpan(0, PackFooter.Decode(cipher, tail, length, entries)));
        }
        finally
        {
            ArrayPool<PackEntry>.Shared.Return(entries);
        }
    }

    /// <summary>An index object for one pack.</summary>
    public static (ObjectId Id, byte[] Bytes) Index(BackupVault vault, ObjectId pack, PackEntry[] footer)
    {
        List<IndexEntry> entries = [.. footer.Select(entry => new IndexEntry(entry.Id, 0, entry.Offset, entry.Length))];
        entries.Sort((left, right) => left.Id.CompareTo(right.Id));
        return IndexObjectBytes.Encode(vault, [pack], entries);
    }
}
