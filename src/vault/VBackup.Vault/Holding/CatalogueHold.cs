using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Holding;

/// <summary>
/// Where points are held, a catalogue is held too, as long as a point of then. Not each, because they come often and nobody gives a held
/// one free: so each says, sealed, which was the last. What the store says of a hold is asked to see that it was done, and counts for
/// nothing else: anybody can make one.
/// </summary>
internal static class CatalogueHold
{
    /// <summary>Between two that are held.</summary>
    internal static readonly TimeSpan Every = TimeSpan.FromDays(1);

    /// <summary>Before it is saved.</summary>
    /// <returns>It as it is to be saved: to be held, or with the one before that is.</returns>
    public static async Task<CatalogueDocument> MarkAsync(BackupVault vault, CatalogueDocument catalogue, CancellationToken cancellation)
    {
        if (vault.Runtime.HoldsFor is not { } holdsFor) return catalogue;
        var now = vault.Clock.GetUtcNow();
        var (newest, _) = await SavedCatalogues.ReadNewestAsync(vault, cancellation).ConfigureAwait(false);
        if (newest is { HeldGeneration: { } last, HeldAt: { } at } && at <= now && now < at + Every
            && await HeldObjects.FindAsync(vault.Store, ObjectNames.Catalogue(last), cancellation).ConfigureAwait(false) >= at + holdsFor)
            return catalogue with { HeldGeneration = last, HeldAt = at };
        return catalogue with { HeldGeneration = catalogue.Generation, HeldAt = now };
    }

    /// <summary>After it was saved, if it is to be held.</summary>
    /// <exception cref="DamageException">The name was taken: its generation says what the next is called.</exception>
    public static async Task HoldAsync(
        BackupVault vault, CatalogueDocument catalogue, ReadOnlyMemory<byte> saved, CancellationToken cancellation)
    {
        if (catalogue.HeldGeneration != catalogue.Generation) return;
        var name = ObjectNames.Catalogue(catalogue.Generation);
        await RequireFirstAsync(vault, name, saved, cancellation).ConfigureAwait(false);
        await PointHold.HoldBesideAsync(vault, name, cancellation).ConfigureAwait(false);
    }

    /// <summary>To hold what somebody else has put under a name would be of no use.</summary>
    public static async Task RequireFirstAsync(
        BackupVault vault, string name, ReadOnlyMemory<byte> put, CancellationToken cancellation)
    {
        byte[] first;
        try
        {
            first = await vault.Store.GetAsync(name, put.Length, cancellation).ConfigureAwait(false);
        }
        catch (StoreException longer) when (longer.Failure == StoreFailure.TooLong)
        {
            first = [];
        }
        if (!first.AsSpan().SequenceEqual(put.Span))
            throw new DamageException(name, "was put by somebody else before, and the store holds that: ours is not seen");
    }
}
