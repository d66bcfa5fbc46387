using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Indexing;

/// <summary>One condemnation object: packs that a collector or a repair means to have deleted.</summary>
internal sealed record Condemnation(string ObjectName, SessionId By, ObjectId[] Packs);

/// <summary>Reads and writes condemnations.</summary>
internal static class Condemnations
{
    /// <summary>Packs that one object names at most.</summary>
    private const int PacksPerObject = 100_000;

    /// <param name="unreadable">Takes those that cannot be read; null to fail instead.</param>
    public static async Task<List<Condemnation>> ReadAsync(
        BackupVault vault, List<DamageException>? unreadable, CancellationToken cancellation)
    {
        List<(string Name, SessionId By)> names = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Condemnations, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParseCondemnation(entry.Name, out var by)) names.Add((entry.Name, by));
        List<Condemnation> read = [];
        foreach (var (name, by) in names)
        {
            try
            {
                var sealedBytes = await SmallObjects.GetAsync(
                    vault.Store, name, FormatLimits.SmallObjectSizeMax, cancellation).ConfigureAwait(false);
                read.Add(new(name, by, Decode(vault.Keys, name, sealedBytes)));
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                // Its collector is done: what it deleted is not in a pack listing that comes after this.
            }
            catch (DamageException damage)
            {
                if (unreadable is null) throw WithAdvice(damage);
                unreadable.Add(WithAdvice(damage));
            }
        }
        return read;
    }

    /// <summary>Says what follows from a condemnation that cannot be read, and what to do.</summary>
    public static DamageException WithAdvice(DamageException damage) => new(damage.ObjectName,
        $"{damage.Reason}; nobody can tell which packs it condemned, so nothing is rewritten or deleted, and no full backup is made. Put "
            + "it back from a "
        + "copy of the vault; or let 'vbackup vault repair --remove-unreadable' take every pack out of use in its place, which the next "
        + "'vbackup vault gc' then writes anew", damage);

    /// <exception cref="DamageException">It is no condemnation of this name.</exception>
    internal static ObjectId[] Decode(VaultKeys keys, string name, byte[] sealedBytes)
    {
        var content = SealedDocument.Open(keys, ObjectKind.Condemned, name, sealedBytes);
        if (content.Length % Bytes32.Size != 0) throw new DamageException(name, "is not a list of packs");
        var packs = new ObjectId[content.Length / Bytes32.Size];
        for (var i = 0; i < packs.Length; i++) packs[i] = new(Bytes32.Read(content.AsSpan(i * Bytes32.Size)));
        return packs;
    }

    /// <param name="number">Of the first object; none is used twice, so that a late put cannot take a later one's place.</param>
    /// <returns>The next number.</returns>
    public static async Task<int> PutAsync(
        BackupVault vault, SessionId by, IReadOnlyList<ObjectId> packs, CancellationToken cancellation, int number = 0)
    {
        foreach (var part in packs.Chunk(PacksPerObject))
        {
            var content = new byte[part.Length * Bytes32.Size];
            for (var i = 0; i < part.Length; i++) part[i].Value.Write(content.AsSpan(i * Bytes32.Size));
            var name = ObjectNames.Condemnation(by, number++);
            var sealedBytes = SealedDocument.Seal(vault.Keys, ObjectKind.Condemned, name, content);
            await vault.Store.PutAsync(name, sealedBytes, cancellation).ConfigureAwait(false);
        }
        return number;
    }

    /// <summary>Removes all that somebody put. REQUIRES: no delete of what they name is in doubt, and none is to come.</summary>
    public static async Task RemoveAsync(BackupVault vault, SessionId by, CancellationToken cancellation)
    {
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.CondemnationsOf(by), cancellation).ConfigureAwait(false))
            await HeldObjects.TryDeleteAsync(vault.Store, entry.Name, cancellation).ConfigureAwait(false);
    }
}
