using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;

namespace VBackup.Cli.Recovering;

/// <summary>A project's vault, read: its points, which are the truth about what can be restored, and what the services have saved beside
/// them.</summary>
/// <param name="Key">What opened it.</param>
/// <param name="Catalogue">Null when there is none that can be read.</param>
/// <param name="Damages">What of it could not be read.</param>
sealed record FoundVault(
    RecoveryPlace Place, ProjectId Project, byte[] Key, ProjectCatalogue? Catalogue, long Generation, DateTimeOffset? SavedAt,
    IReadOnlyList<PointDocument> Points, long UsedBytes, IReadOnlyList<string> Damages)
{
    public override string ToString() => Place.VaultAddress(Project);

    /// <returns>Null when none of the keys opens it.</returns>
    public static async Task<FoundVault?> ReadAsync(RecoveryPlace place, ProjectId project, RecoveryKeys keys,
        CancellationToken cancellation)
    {
        if (await OpenAsync(place, project, keys, cancellation).ConfigureAwait(false) is not var (vault, key)) return null;
        await using var closing = vault.ConfigureAwait(false);
        List<string> damages = [];
        var (saved, damaged) = await SavedCatalogues.ReadNewestAsync(vault, cancellation).ConfigureAwait(false);
        damages.AddRange(damaged.Select(damage => damage.Message));
        var catalogue = saved is null ? null : Read(saved, project, damages);
        if (catalogue is null) damages.Add(
            "it has no catalogue that can be read: points come back, and nothing that only a catalogue tells");
        else if (damaged.Count > 0) damages.Add($"the catalogue is an older one, of {saved!.SavedAt:u}");
        var (points, unreadable) = await VaultCatalog.ListAsync(vault, withFreed: false, cancellation).ConfigureAwait(false);
        damages.AddRange(unreadable.Select(damage => damage.Message));
        return new(place, project, key, catalogue, saved?.Generation ?? 0, saved?.SavedAt, [.. points.Select(point => point.Point)],
            await UsedAsync(vault, cancellation).ConfigureAwait(false), damages);
    }

    static async Task<(BackupVault Vault, byte[] Key)?> OpenAsync(
        RecoveryPlace place, ProjectId project, RecoveryKeys keys, CancellationToken cancellation)
    {
        var store = place.OpenVault(project);
        IReadOnlyList<byte[]> candidates;
        await using (store.ConfigureAwait(false)) candidates = await keys.OfAsync(store, project, cancellation).ConfigureAwait(false);
        (BackupVault Vault, byte[] Key)? found = null;
        DateTimeOffset? foundSince = null;
        DamageException? damaged = null;
        foreach (var key in candidates)
        {
            using var unlock = VaultUnlock.WithKey(key);
            try
            {
                var vault = await BackupVault.OpenAsync(place.OpenVault(project), unlock, new(), cancellation).ConfigureAwait(false);
                var since = await SinceAsync(vault, cancellation).ConfigureAwait(false);
                var isNewer = found is null || since > foundSince;
                // Where the store holds points, the key before opens the vault for a while: the newest is the one of now.
                if ((isNewer ? found?.Vault : vault) is { } other) await other.DisposeAsync().ConfigureAwait(false);
                if (isNewer) (found, foundSince) = ((vault, key), since);
            }
            catch (UnusableVaultException)
            {
                // Another one may.
            }
            catch (DamageException damage)
            {
                damaged ??= damage; // So may it here: of two keys' slots only one may be held.
            }
        }
        return found is null && damaged is not null ? throw damaged : found;
    }

    static async Task<DateTimeOffset?> SinceAsync(BackupVault vault, CancellationToken cancellation) =>
        (await VaultKeySlots.ListAsync(vault, cancellation).ConfigureAwait(false)).FirstOrDefault(slot => slot.IsOpener)?.CreatedAt;

    static ProjectCatalogue? Read(CatalogueDocument saved, ProjectId project, List<string> damages)
    {
        try
        {
            var read = saved.Content.Deserialize(WorkJson.Default.ProjectCatalogue);
            if (read is { Format: ProjectCatalogue.FormatNow } && read.Project == project) return read;
            damages.Add($"its catalogue has the format {read?.Format}, of project {read?.Project}, and this program reads format "
                + $"{ProjectCatalogue.FormatNow}");
        }
        catch (JsonException wrong)
        {
            damages.Add($"its catalogue is of another shape: {wrong.Message}");
        }
        return null;
    }

    static async Task<long> UsedAsync(BackupVault vault, CancellationToken cancellation)
    {
        var bytes = 0L;
        await foreach (var entry in vault.Store.ListAsync("", cancellation).ConfigureAwait(false)) bytes += entry.LengthBytes;
        return bytes;
    }
}
