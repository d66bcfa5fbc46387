using VBackup.Primitives;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Sessions;

/// <summary>
/// Finds out, for good, whether a run that nobody hears of any more has made a point. Its process may be dead, hang, or be about to put
/// the point: what is decided here holds whatever it still does.
/// </summary>
public static class SessionSettlement
{
    /// <summary>Revokes the session, unless that was done, and tells which point of it counts.</summary>
    /// <param name="id">It may not even have begun: then nothing of it will ever count.</param>
    /// <returns>Null when there is none, and never will be.</returns>
    /// <exception cref="UnusableVaultException">The store does not refuse to create an object twice, so that nothing can be decided, and
    /// the session has not ended by itself.</exception>
    public static async Task<PointDocument?> SettleAsync(BackupVault vault, SessionId id, CancellationToken cancellation)
    {
        if (!await vault.Store.CanCreateOnceAsync(cancellation).ConfigureAwait(false))
        {
            if (!await vault.Store.ExistsAsync(ObjectNames.Ended(id), cancellation).ConfigureAwait(false))
                throw new UnusableVaultException($"an earlier attempt (session {id}) has not ended and cannot be revoked: "
                    + $"{vault.Store.Description} "
                    + "does not refuse to create an object twice. Suspend the bucket's versioning, then try again");
            return await FindAsync(vault, id, _ => true, cancellation).ConfigureAwait(false);
        }
        await new SessionWait(vault, new()).RevokeAsync(id, cancellation).ConfigureAwait(false);
        var decision = await SessionList.DecisionOf(vault, id, cancellation).ConfigureAwait(false)
            ?? throw new DamageException(ObjectNames.Decision(id), "is gone although it was made just now");
        return await FindAsync(vault, id, decision.Contains, cancellation).ConfigureAwait(false);
    }

    private static async Task<PointDocument?> FindAsync(BackupVault vault, SessionId id, Func<PointId, bool> counts,
        CancellationToken cancellation)
    {
        foreach (var listed in await PointList.ListAsync(vault, cancellation).ConfigureAwait(false))
            if (counts(listed) && await vault.FindPointAsync(listed, cancellation).ConfigureAwait(false) is { } point
                && PointList.SessionOf(point) == id)
                return point;
        return null;
    }
}
