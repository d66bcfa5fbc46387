using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Collecting;

/// <summary>Step 8 of a collector: removes ended sessions, when no other collector can be in the middle of a mark.</summary>
internal static class EndedSessions
{
    /// <returns>Sessions removed.</returns>
    public static async Task<int> RemoveAsync(
        BackupVault vault, Registration registration, CollectorOptions options, CancellationToken cancellation)
    {
        var sessions = await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false);
        List<SessionId> ended = [.. sessions.Sessions.Where(item => item.Value.Ended).Select(item => item.Key)];
        if ((await registration.OthersAsync(options.CollectorTimeout, cancellation).ConfigureAwait(false)).Count > 0) return 0;

        // A note that arrived after its session had ended and was removed. The listing may have missed a session that had just
        // begun, so it is looked for again: one that was noted and is not there now has ended.
        foreach (var (id, state) in sessions.Sessions)
            if (state is { HasNotes: true, Exists: false, Ended: false }
                && !await vault.Store.ExistsAsync(ObjectNames.Session(id), cancellation).ConfigureAwait(false)) ended.Add(id);

        // Of one that was decided, what it left is garbage by now.
        foreach (var (id, state) in sessions.Sessions)
            if (state is { Decided: true, HasBeat: true, Ended: false })
                await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Beat(id), cancellation).ConfigureAwait(false);

        var removed = 0;
        foreach (var id in ended)
        {
            // A decision stays for ever: somebody may have read a point that it leaves out and not yet looked for it. The note
            // that the session ended goes last, so that what a crash leaves is found here again.
            if (await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Session(id), cancellation).ConfigureAwait(false)
                && await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Beat(id), cancellation).ConfigureAwait(false)
                && await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Revoked(id), cancellation).ConfigureAwait(false)
                && await HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Ended(id), cancellation).ConfigureAwait(false)) removed++;
        }
        return removed;
    }
}
