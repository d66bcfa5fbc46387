using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Sessions;

/// <summary>The points of a vault that count.</summary>
internal static class PointList
{
    /// <summary>Names of all point objects, whether they count or not.</summary>
    public static async Task<List<PointId>> ListAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<PointId> points = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Points, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParsePoint(entry.Name, out var id)) points.Add(id);
        return points;
    }

    /// <summary>The valid points, oldest first. A point that is deleted meanwhile is left out.</summary>
    /// <param name="unreadable">
    /// Takes the damage of points and decisions that cannot be read; null when that is an error. Points of a session whose
    /// decision cannot be read are valid: nobody can say that they do not count.
    /// </param>
    public static async Task<List<PointDocument>> ReadValidAsync(
        BackupVault vault, List<DamageException>? unreadable, CancellationToken cancellation)
    {
        var ids = await ListAsync(vault, cancellation).ConfigureAwait(false);
        var decisions = await DecisionsAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        var found = new PointDocument?[ids.Count];
        var damaged = new DamageException?[ids.Count];
        await Bounded.ForEachAsync(Enumerable.Range(0, ids.Count), vault.Runtime.ReadsInFlight, async i =>
        {
            try
            {
                var point = await vault.FindPointAsync(ids[i], cancellation).ConfigureAwait(false);
                if (point is not null && decisions.GetValueOrDefault(SessionOf(point))?.Contains(ids[i]) != false) found[i] = point;
            }
            catch (DamageException damage) when (unreadable is not null)
            {
                damaged[i] = damage;
            }
        }).ConfigureAwait(false);
        unreadable?.AddRange(damaged.OfType<DamageException>());
        List<PointDocument> valid = [.. found.OfType<PointDocument>()];
        valid.Sort((left, right) => left.CreatedAt.CompareTo(right.CreatedAt) is var order && order != 0
            ? order : string.CompareOrdinal(left.Id, right.Id));
        return valid;
    }

    private static async Task<Dictionary<SessionId, HashSet<PointId>>> DecisionsAsync(
        BackupVault vault, List<DamageException>? unreadable, CancellationToken cancellation)
    {
        List<SessionId> decided = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Sessions, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParseSession(entry.Name, out var id, out var suffix) && suffix == ObjectNames.DecisionSuffix)
                decided.Add(id);
        Dictionary<SessionId, HashSet<PointId>> decisions = [];
        await Bounded.ForEachAsync(decided, vault.Runtime.ReadsInFlight, async id =>
        {
            try
            {
                if (await SessionList.DecisionOf(vault, id, cancellation).ConfigureAwait(false) is not { } points) return;
                lock (decisions) decisions.Add(id, points);
            }
            catch (DamageException damage) when (unreadable is not null)
            {
                lock (decisions) unreadable.Add(damage);
            }
        }).ConfigureAwait(false);
        return decisions;
    }

    /// <summary>A point by its id; null when there is none that counts.</summary>
    public static async Task<PointDocument?> FindValidAsync(BackupVault vault, PointId id, CancellationToken cancellation)
    {
        var point = await vault.FindPointAsync(id, cancellation).ConfigureAwait(false);
        if (point is null) return null;
        var decision = await SessionList.DecisionOf(vault, SessionOf(point), cancellation).ConfigureAwait(false);
        return decision?.Contains(id) == false ? null : point;
    }

    /// <summary>A point by its id, to be read; null when there is none, or it does not count. A decision that cannot be read keeps nobody
    /// from reading: to read harms nothing, and whoever can write to the store could put one there.</summary>
    public static async Task<PointDocument?> FindToReadAsync(BackupVault vault, PointId id, CancellationToken cancellation)
    {
        var point = await vault.FindPointAsync(id, cancellation).ConfigureAwait(false);
        return point is not null && await MayCountAsync(vault, SessionOf(point), id, cancellation).ConfigureAwait(false) ? point : null;
    }

    /// <summary>Whether a point counts, or nobody can say that it does not.</summary>
    public static async Task<bool> MayCountAsync(BackupVault vault, SessionId session, PointId point, CancellationToken cancellation)
    {
        try
        {
            return (await SessionList.DecisionOf(vault, session, cancellation).ConfigureAwait(false))?.Contains(point) != false;
        }
        catch (DamageException)
        {
            return true;
        }
    }

    public static PointId IdOf(PointDocument point) => PointId.TryParse(point.Id, out var id)
        ? id : throw new DamageException(ObjectNames.Points + point.Id, "its id is not one");

    public static SessionId SessionOf(PointDocument point) => SessionId.TryParse(point.Session, out var id)
        ? id : throw new DamageException(ObjectNames.Points + point.Id, "names a session whose id is not one");
}
