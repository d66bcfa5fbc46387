using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Points, decisions and condemnations that cannot be read: as long as there is one, nobody can tell what is live or may be relied
/// on, and nothing is collected. And key slots that open nothing. They are lost already; this makes the vault go on without them. Only for
/// whoever has been asked.
/// </summary>
public static class UnreadableObjects
{
    /// <summary>Points that cannot be read, whatever their sessions decided.</summary>
    public static async Task<IReadOnlyList<DamageException>> FindPointsAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        await PointList.ReadValidAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        return [.. unreadable.Where(damage => ObjectNames.TryParsePoint(damage.ObjectName, out _))];
    }

    /// <summary>Deletes a point, unless it can be read after all.</summary>
    /// <returns>Whether it was deleted.</returns>
    public static async Task<bool> RemovePointAsync(BackupVault vault, DamageException unreadable, CancellationToken cancellation)
    {
        if (!ObjectNames.TryParsePoint(unreadable.ObjectName, out var id)) throw new ArgumentException("not a point", nameof(unreadable));
        try
        {
            if (await vault.FindPointAsync(id, cancellation).ConfigureAwait(false) is not { } point) return false;
            PointList.SessionOf(point);
            return false;
        }
        catch (DamageException)
        {
            await vault.Store.DeleteAsync(unreadable.ObjectName, cancellation).ConfigureAwait(false);
            return true;
        }
    }

    /// <summary>Decisions that cannot be read, and the points of each session that are there.</summary>
    public static async Task<IReadOnlyList<(DamageException Damage, SessionId Session, IReadOnlyList<string> Points)>> FindDecisionsAsync(
        BackupVault vault, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        var points = await PointList.ReadValidAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        List<(DamageException, SessionId, IReadOnlyList<string>)> decisions = [];
        foreach (var damage in unreadable)
            if (ObjectNames.TryParseSession(damage.ObjectName, out var session, out _))
                decisions.Add((damage, session, [.. points.Where(point => point.Session == session.ToString()).Select(point => point.Id)]));
        return decisions;
    }

    /// <summary>
    /// Decides anew, in place of a decision that cannot be read, that no point of a session counts. It is never removed, since
    /// without it all of them would count. Done only when every point can be read and none is the session's: one that the old
    /// decision named is gone then, and does not come back (F4); one that its writer still puts was left out before, too.
    /// </summary>
    /// <returns>Whether it was done.</returns>
    public static async Task<bool> DecideAnewAsync(BackupVault vault, SessionId session, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        var points = await PointList.ReadValidAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        if (unreadable.Exists(damage => ObjectNames.TryParsePoint(damage.ObjectName, out _))
            || unreadable.TrueForAll(damage => damage.ObjectName != ObjectNames.Decision(session))
            || points.Exists(point => point.Session == session.ToString())) return false;
        await vault.PutAsync(ObjectKind.Decision, ObjectNames.Decision(session), new DecisionDocument { Points = [] },
            DocumentJson.Default.DecisionDocument, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Condemnations that cannot be read.</summary>
    public static async Task<IReadOnlyList<DamageException>> FindCondemnationsAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        await Condemnations.ReadAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        return unreadable;
    }

    /// <summary>
    /// Takes every pack out of use that an unreadable condemnation can have named, then removes it. Whoever put it holds the ids in
    /// memory and may delete at any time (R45), registered or not: so nobody may rely on any pack that was there, and the next
    /// collection writes all that is live anew.
    /// </summary>
    /// <returns>Packs taken out of use; 0 when every condemnation can be read.</returns>
    public static async Task<int> ReplaceCondemnationsAsync(BackupVault vault, CancellationToken cancellation)
    {
        var unreadable = await FindCondemnationsAsync(vault, cancellation).ConfigureAwait(false);
        if (unreadable.Count == 0) return 0;
        // Listed after them: a pack that is not shown is gone, or came too late to be named.
        var packs = new PackTable();
        await packs.ListAsync(vault, cancellation).ConfigureAwait(false);
        List<ObjectId> all = [.. Enumerable.Range(0, packs.Count).Select(pack => packs[pack])];
        await Condemnations.PutAsync(vault, SessionId.New(vault.Runtime.FillRandom), all, cancellation).ConfigureAwait(false);
        foreach (var condemnation in unreadable)
            await vault.Store.DeleteAsync(condemnation.ObjectName, cancellation).ConfigureAwait(false);
        return all.Count;
    }

    /// <summary>Key slots that open nothing, because they cannot be read; one of another version is none of them, and one that was
    /// altered where it can still be read may yet open.</summary>
    public static async Task<IReadOnlyList<DamageException>> FindKeySlotsAsync(BackupVault vault, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Keys, cancellation).ConfigureAwait(false))
            if (entry.Name != vault.OpenedBySlot
                && await DamageOfKeySlotAsync(vault, entry.Name, cancellation).ConfigureAwait(false) is { } damage) unreadable.Add(damage);
        return unreadable;
    }

    /// <summary>Deletes a key slot, unless it can be read after all. The one that opened the vault always stays.</summary>
    /// <returns>Whether it was deleted.</returns>
    public static async Task<bool> RemoveKeySlotAsync(BackupVault vault, DamageException unreadable, CancellationToken cancellation)
    {
        var name = unreadable.ObjectName;
        if (!name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal)) throw new ArgumentException("not a key slot", nameof(unreadable));
        if (name == vault.OpenedBySlot
            || await DamageOfKeySlotAsync(vault, name, cancellation).ConfigureAwait(false) is null) return false;
        await VaultKeySlots.RemoveAsync(vault, name[ObjectNames.Keys.Length..], cancellation).ConfigureAwait(false);
        return true;
    }

    private static async Task<DamageException?> DamageOfKeySlotAsync(BackupVault vault, string name, CancellationToken cancellation)
    {
        try
        {
            KeySlot.Decode(name, await SmallObjects.GetAsync(vault.Store, name, KeySlot.SizeMax, cancellation).ConfigureAwait(false));
            return null;
        }
        catch (DamageException damage)
        {
            return damage;
        }
        catch (Exception other) when (other is UnusableVaultException or StoreException { Failure: StoreFailure.NotFound })
        {
            // Of a later version, or removed by its owner meanwhile.
            return null;
        }
    }
}
