using VBackup.Vault.Format;
using VBackup.Vault.Holding;

namespace VBackup.Vault.Catalog;

/// <summary>
/// What a system that keeps its points in a vault knows beside them, saved for when that system was lost. Nothing else of a vault
/// refers to these objects; collectors and earlier readers pass them over.
/// </summary>
public static class SavedCatalogues
{
    /// <summary>Older ones are deleted. More than one, so that a damaged one does not take all with it.</summary>
    public const int Kept = 3;

    /// <summary>Saves one beside those that are there, and deletes all but the newest. One that comes late, with an older generation than
    /// those that are there, is deleted with them. Where points are held, one a day is held as well, and stays as long.</summary>
    /// <exception cref="UnusableVaultException">It is longer than a reader takes an object of ours for.</exception>
    public static async Task SaveAsync(BackupVault vault, CatalogueDocument catalogue, CancellationToken cancellation)
    {
        catalogue = await CatalogueHold.MarkAsync(vault, catalogue, cancellation).ConfigureAwait(false);
        var name = ObjectNames.Catalogue(catalogue.Generation);
        var bytes = SealedDocument.SealJson(vault.Keys, ObjectKind.Catalogue, name, catalogue, DocumentJson.Default.CatalogueDocument);
        if (bytes.Length > FormatLimits.SmallObjectSizeMax)
            throw new UnusableVaultException(
                $"a catalogue of {bytes.Length} bytes is not saved: readers take {FormatLimits.SmallObjectSizeMax} at most");
        await vault.Store.PutAsync(name, bytes, cancellation).ConfigureAwait(false);
        await CatalogueHold.HoldAsync(vault, catalogue, bytes, cancellation).ConfigureAwait(false);
        await TidyAsync(vault, catalogue.Generation, cancellation).ConfigureAwait(false);
    }

    static async Task TidyAsync(BackupVault vault, long saved, CancellationToken cancellation)
    {
        var all = await ListAsync(vault, cancellation).ConfigureAwait(false);
        // Where somebody may have planted later ones, which he has the store hold, ours must not have to go for them.
        if (vault.Runtime.HoldsFor is not null) all.RemoveAll(generation => generation > saved);
        List<long> old = [.. all.Skip(Kept)];
        // Between the newest and the oldest of these are held ones only: nobody has to ask for each.
        var first = 0;
        while (first < old.Count && await TryDeleteAsync(old[first]).ConfigureAwait(false)) first++;
        for (var last = old.Count - 1; last > first && await TryDeleteAsync(old[last]).ConfigureAwait(false); last--) { }

        Task<bool> TryDeleteAsync(long generation) =>
            HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Catalogue(generation), cancellation);
    }

    /// <summary>The newest that can be read, and the damage of those that are newer.</summary>
    public static async Task<(CatalogueDocument? Newest, IReadOnlyList<DamageException> Unreadable)> ReadNewestAsync(
        BackupVault vault, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        foreach (var generation in await ListAsync(vault, cancellation).ConfigureAwait(false))
        {
            var name = ObjectNames.Catalogue(generation);
            try
            {
                var found = await vault.FindAsync(ObjectKind.Catalogue, name, DocumentJson.Default.CatalogueDocument, cancellation)
                    .ConfigureAwait(false);
                if (found is null) continue;
                if (found.Generation != generation) throw new DamageException(name, "says that it is of another generation");
                return (found, unreadable);
            }
            catch (DamageException damage)
            {
                unreadable.Add(damage);
            }
        }
        return (null, unreadable);
    }

    /// <summary>Generations, the newest first.</summary>
    static async Task<List<long>> ListAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<long> generations = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Catalogues, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParseCatalogue(entry.Name, out var generation)) generations.Add(generation);
        generations.Sort((left, right) => right.CompareTo(left));
        return generations;
    }
}
