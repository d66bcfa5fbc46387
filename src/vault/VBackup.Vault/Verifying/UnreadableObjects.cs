using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Points and decisions that cannot be read: as long as there is one, nobody can tell what is live, and nothing is collected.
/// They are lost already; this makes the vault go on without them. Only for whoever has been asked.
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
}
