using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

/// <summary>
/// Condemnations, then the index, then the packs, in the one order that is safe to rely on
/// (<c>docs/session-protocol.md</c>, writer 2, collector 3 and 6).
/// </summary>
internal sealed class VaultSurvey : IAsyncDisposable
{
    private const int AttemptsMax = 10;

    private VaultSurvey(List<Condemnation> condemnations, List<DamageException> unreadable, ChunkIndex index)
    {
        Condemnations = condemnations;
        UnreadableCondemnations = unreadable;
        Index = index;
    }

    public List<Condemnation> Condemnations { get; }

    /// <summary>Empty unless read tolerantly: nobody knows which packs they name.</summary>
    public List<DamageException> UnreadableCondemnations { get; }
    public ChunkIndex Index { get; }
    public PackTable Packs => Index.Packs;

    /// <summary>Lists the three; again from the first when an index object vanishes meanwhile.</summary>
    /// <param name="only">Index objects to look into, if they are there; null for all.</param>
    public static async Task<VaultSurvey> ReadAsync(BackupVault vault, IndexUse use, bool tolerant, CancellationToken cancellation,
        IReadOnlySet<ObjectId>? only = null)
    {
        string? missing = null;
        var isLast = false;
        for (var attempt = 1; ; attempt++)
        {
            List<DamageException> unreadable = [];
            var condemnations = await Indexing.Condemnations.ReadAsync(
                vault, tolerant ? unreadable : null, cancellation).ConfigureAwait(false);
            ChunkIndex index;
            try
            {
                index = await ChunkIndex.OpenAsync(vault, use, tolerant, cancellation, only, isLast).ConfigureAwait(false);
            }
            catch (IndexMovedException moved) when (attempt < AttemptsMax)
            {
                // What a collector has merged is in no later listing: one that is missed twice was not merged.
                isLast = moved.ObjectName == missing || attempt + 1 == AttemptsMax;
                missing = moved.ObjectName;
                continue;
            }
            try
            {
                await index.Packs.ListAsync(vault, cancellation).ConfigureAwait(false);
            }
            catch
            {
                await index.DisposeAsync().ConfigureAwait(false);
                throw;
            }
            foreach (var condemnation in condemnations)
                foreach (var pack in condemnation.Packs)
                    if (index.Packs.TryFind(pack, out var ordinal)) index.Packs.At(ordinal).IsCondemned = true;
            return new(condemnations, unreadable, index);
        }
    }

    public ValueTask DisposeAsync() => Index.DisposeAsync();
}
