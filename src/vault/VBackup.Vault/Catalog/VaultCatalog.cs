using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Catalog;

/// <summary>A valid point and its sizes, in bytes.</summary>
/// <param name="LogicalBytes">Of the volumes.</param>
/// <param name="ReadBytes">Read from the sources when it was made.</param>
/// <param name="StoredBytes">New when it was made.</param>
/// <param name="FreedBytes">What deleting this point alone would free; null when it was not asked for.</param>
public sealed record PointSummary(PointDocument Point, long LogicalBytes, long ReadBytes, long StoredBytes, long? FreedBytes);

/// <summary>What a vault holds, in numbers.</summary>
public sealed record VaultStatistics(
    int Points, long LogicalBytes, int Packs, long PackBytes, int IndexObjects, long IndexBytes, int OtherObjects, long OtherBytes,
    int RunningSessions, int Condemned);

/// <summary>Lists, finds and deletes points. Needs the key and the store, and nothing else.</summary>
public static class VaultCatalog
{
    private const int PrefixMin = 4;

    /// <summary>The valid points, oldest first, and the damage of those that cannot be read.</summary>
    /// <param name="withFreed">
    /// Whether to work out what deleting each would free: that reads every manifest node. It stays unknown while any point is
    /// unreadable, since that one may share anything.
    /// </param>
    public static async Task<(IReadOnlyList<PointSummary> Points, IReadOnlyList<DamageException> Unreadable)> ListAsync(
        BackupVault vault, bool withFreed, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        var points = await PointList.ReadValidAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        var freed = withFreed && unreadable.Count == 0
            ? await ExclusiveBytes.OfAsync(vault, points, cancellation).ConfigureAwait(false) : null;
        return ([.. points.Select((point, i) => new PointSummary(point,
            point.Volumes.Sum(volume => volume.LengthBytes), point.Volumes.Sum(volume => volume.ReadBytes),
            point.Volumes.Sum(volume => volume.StoredBytes), freed?[i]))], unreadable);
    }

    /// <summary>Finds a valid point by its id or by the start of it, at least 4 digits. By its start, one that cannot be read is
    /// passed over.</summary>
    /// <exception cref="UnusableVaultException">There is none, or more than one.</exception>
    /// <exception cref="DamageException">The one whose whole id was given cannot be read.</exception>
    public static async Task<PointDocument> FindAsync(BackupVault vault, string idOrPrefix, CancellationToken cancellation)
    {
        if (PointId.TryParse(idOrPrefix, out var whole))
            return await PointList.FindToReadAsync(vault, whole, cancellation).ConfigureAwait(false) ?? throw NoPoint(idOrPrefix);
        var (found, unreadable) = await FindByPrefixAsync(vault, idOrPrefix, cancellation).ConfigureAwait(false);
        return found.Count switch
        {
            1 => found[0],
            0 when unreadable.Count > 0 => throw unreadable[0].Damage,
            0 => throw NoPoint($"{idOrPrefix}…"),
            _ => throw new UnusableVaultException($"{found.Count} points begin with {idOrPrefix}: give more digits"),
        };
    }

    /// <summary>Finds a point to be deleted. One that cannot be read is found by its whole id alone, so that nobody deletes it
    /// unawares, nor another one in its place.</summary>
    /// <returns>The point's id; and why it cannot be read, or null.</returns>
    /// <exception cref="UnusableVaultException">There is none, or more than one.</exception>
    public static async Task<(PointId Id, DamageException? Damage)> FindToDeleteAsync(
        BackupVault vault, string idOrPrefix, CancellationToken cancellation)
    {
        if (PointId.TryParse(idOrPrefix, out var whole))
        {
            try
            {
                return await PointList.FindValidAsync(vault, whole, cancellation).ConfigureAwait(false) is null
                    ? throw NoPoint(idOrPrefix) : (whole, null);
            }
            catch (DamageException damage)
            {
                return (whole, damage);
            }
        }
        var (found, unreadable) = await FindByPrefixAsync(vault, idOrPrefix, cancellation).ConfigureAwait(false);
        if (unreadable.Count > 0)
            throw new UnusableVaultException($"the point {unreadable[0].Id} cannot be read ({unreadable[0].Damage.Reason}): give a whole "
                + "id to delete");
        return found.Count switch
        {
            1 => (PointList.IdOf(found[0]), null),
            0 => throw NoPoint($"{idOrPrefix}…"),
            _ => throw new UnusableVaultException($"{found.Count} points begin with {idOrPrefix}: give more digits"),
        };
    }

    private static UnusableVaultException NoPoint(string id) => new($"there is no point {id} in this vault: 'vault list' shows them");

    private static async Task<(List<PointDocument> Found, List<(PointId Id, DamageException Damage)> Unreadable)> FindByPrefixAsync(
        BackupVault vault, string prefix, CancellationToken cancellation)
    {
        if (prefix.Length < PrefixMin || !HexText.IsLower(prefix))
            throw new UnusableVaultException($"'{prefix}' is not a point: give an id, or at least its first {PrefixMin} digits");
        List<PointDocument> found = [];
        List<(PointId, DamageException)> unreadable = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Points + prefix, cancellation).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParsePoint(entry.Name, out var id)) continue;
            try
            {
                if (await PointList.FindValidAsync(vault, id, cancellation).ConfigureAwait(false) is { } point) found.Add(point);
            }
            catch (DamageException damage)
            {
                unreadable.Add((id, damage));
            }
        }
        return (found, unreadable);
    }

    /// <summary>A point to build on, by its whole id. Whether it counts, the run itself finds out.</summary>
    /// <exception cref="UnusableVaultException">There is none.</exception>
    public static async Task<PointDocument> FindBaseAsync(BackupVault vault, PointId id, CancellationToken cancellation) =>
        await vault.FindPointAsync(id, cancellation).ConfigureAwait(false)
            ?? throw new UnusableVaultException($"there is no point {id} in this vault: 'vault list' shows them");

    /// <summary>Deletes a point. Its chunks go with the next collection, unless others need them.</summary>
    public static Task DeleteAsync(BackupVault vault, PointId id, CancellationToken cancellation) =>
        vault.Store.DeleteAsync(ObjectNames.Point(id), cancellation);

    public static async Task<VaultStatistics> StatisticsAsync(BackupVault vault, CancellationToken cancellation)
    {
        var points = await PointList.ReadValidAsync(vault, unreadable: null, cancellation).ConfigureAwait(false);
        var sessions = await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false);
        int packs = 0, indexes = 0, others = 0, condemned = 0;
        long packBytes = 0, indexBytes = 0, otherBytes = 0;
        await foreach (var entry in vault.Store.ListAsync("", cancellation).ConfigureAwait(false))
        {
            if (ObjectNames.TryParsePack(entry.Name, out _)) (packs, packBytes) = (packs + 1, packBytes + entry.LengthBytes);
            else if (ObjectNames.TryParseIndex(entry.Name, out _)) (indexes, indexBytes) = (indexes + 1, indexBytes + entry.LengthBytes);
            else (others, otherBytes) = (others + 1, otherBytes + entry.LengthBytes);
            if (ObjectNames.TryParseCondemnation(entry.Name, out _)) condemned++;
        }
        return new(points.Count, points.Sum(point => point.Volumes.Sum(volume => volume.LengthBytes)), packs, packBytes,
            indexes, indexBytes, others, otherBytes,
            sessions.Sessions.Count(item => item.Value is { Exists: true, Ended: false, Decided: false }), condemned);
    }
}
