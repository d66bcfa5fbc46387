using Microsoft.EntityFrameworkCore;
using VBackup.Platform.Databases;
using VBackup.Platform.Secrets;

namespace VBackup.Service.Keys;

/// <summary>Wraps all that is kept under one master key under another, in one transaction. What was wrapped under the other before stays
/// as it is, so that this may be done again.</summary>
public static class MasterKeyChange
{
    /// <returns>How many secrets there are.</returns>
    /// <exception cref="WrongMasterKeyException">One of them opens with neither.</exception>
    public static async Task<int> MakeAsync(Change<BackupDb> change, ProjectSecrets old, ProjectSecrets next,
        CancellationToken cancellation)
    {
        var count = 0;
        foreach (var key in (await change.Db.Keys.ToListAsync(cancellation).ConfigureAwait(false)).Where(key => !key.IsErased))
        {
            key.IsWrappedAnew(Anew(key.Wrapped), key.WrappedPrevious is { } previous ? Anew(previous) : null);
            count++;

            byte[] Anew(byte[] wrapped) =>
                Rewrapping.Anew(wrapped, one => old.UnwrapKey(key.Project, one), one => next.UnwrapKey(key.Project, one), one =>
                    next.WrapKey(key.Project, one));
        }
        foreach (var location in await change.Db.Locations.ToListAsync(cancellation).ConfigureAwait(false))
        {
            location.KeyCopyIsOutdated();
            if (location.WrappedSecretKey is not { } wrapped) continue;
            location.KeepsSecret(Rewrapping.Anew(wrapped, one => old.UnwrapSecretKey(location.Id, one),
                one => next.UnwrapSecretKey(location.Id, one), one => next.WrapSecretKey(location.Id, one)));
            count++;
        }
        return count;
    }
}
