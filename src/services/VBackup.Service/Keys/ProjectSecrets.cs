using System.Security.Cryptography;
using System.Text;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Platform.Secrets;
using VBackup.Service.Work;

namespace VBackup.Service.Keys;

/// <summary>What opens vaults and locations. It leaves the database only with a lease, or when somebody who may asks for the key.
/// Thread-safe.</summary>
public sealed class ProjectSecrets(MasterKey master)
{
    const string KeyPurpose = "project key", SecretPurpose = "secret key of a location";
    const int KeySize = 32;

    /// <summary>Makes a project's key, unless it has one.</summary>
    public async Task EnsureKeyAsync(Change<BackupDb> change, ProjectId project, CancellationToken cancellation)
    {
        var key = await change.Db.Keys.FindAsync([project], cancellation).ConfigureAwait(false);
        if (key is null) change.Db.Keys.Add(new(project, NewKey(project), change.Now));
        else if (key.IsErased) key.IsMadeAnew(NewKey(project), change.Now);
    }

    /// <summary>A random key, wrapped.</summary>
    internal byte[] NewKey(ProjectId project)
    {
        var key = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            return WrapKey(project, key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    public byte[] WrapKey(ProjectId project, ReadOnlySpan<byte> key) => master.Wrap(key, KeyPurpose, project.ToString());

    /// <returns>The key; the caller clears it.</returns>
    /// <exception cref="WrongMasterKeyException">It was wrapped under another master key, or for another project.</exception>
    public byte[] UnwrapKey(ProjectId project, ReadOnlySpan<byte> wrapped) => master.Unwrap(wrapped, KeyPurpose, project.ToString());

    public byte[] WrapSecretKey(LocationId location, string secret) => WrapSecretKey(location, Encoding.UTF8.GetBytes(secret));

    internal byte[] WrapSecretKey(LocationId location, ReadOnlySpan<byte> secret) =>
        master.Wrap(secret, SecretPurpose, location.ToString());

    /// <inheritdoc cref="UnwrapKey"/>
    public byte[] UnwrapSecretKey(LocationId location, ReadOnlySpan<byte> wrapped) =>
        master.Unwrap(wrapped, SecretPurpose, location.ToString());

    internal async Task<WorkSecrets> OfAsync(BackupDb db, WorkTask task, CancellationToken cancellation)
    {
        if (task.Location is not { } id || task.Kind == WorkKind.StartServer) return new(null, null, null);
        var location = await db.Locations.FindAsync([id], cancellation).ConfigureAwait(false);
        var opening = new WorkSecrets(null, location?.AccessKey,
            location?.WrappedSecretKey is { } wrapped ? Encoding.UTF8.GetString(UnwrapSecretKey(id, wrapped)) : null);
        // To erase what opens a vault, nothing is needed that opens it.
        if (task.Kind == WorkKind.EraseKey) return opening;
        if (await db.Keys.FindAsync([task.Project], cancellation).ConfigureAwait(false) is not { IsErased: false } key) return opening;
        return opening with
        {
            VaultKey = UnwrapKey(key.Project, key.Wrapped),
            PreviousVaultKey = key.WrappedPrevious is { } previous ? UnwrapKey(key.Project, previous) : null,
            LockedKey = task.Kind is WorkKind.SaveCatalogue or WorkKind.RotateKey
                || task.Kind == WorkKind.Export && location?.HoldDays is not null ? new(1, key.Project, key.Wrapped) : null,
        };
    }
}
