using System.Security.Cryptography;
using System.Text;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Platform.Secrets;
using VBackup.Service.Locations;
using VBackup.Service.Work;

namespace VBackup.Service.Keys;

/// <summary>What opens vaults and locations. It leaves the database only with a lease. Thread-safe.</summary>
public sealed class ProjectSecrets(MasterKey master)
{
    const string KeyPurpose = "project key", SecretPurpose = "secret key of a location";
    const int KeySize = 32;

    /// <summary>Makes a project's key, unless it has one.</summary>
    public async Task EnsureKeyAsync(Change<BackupDb> change, ProjectId project, CancellationToken cancellation)
    {
        if (await change.Db.Keys.FindAsync([project], cancellation).ConfigureAwait(false) is not null) return;
        var key = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            change.Db.Keys.Add(new(project, master.Wrap(key, KeyPurpose, project.ToString())));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    public byte[] WrapSecretKey(LocationId location, string secret) =>
        master.Wrap(Encoding.UTF8.GetBytes(secret), SecretPurpose, location.ToString());

    internal async Task<WorkSecrets> OfAsync(BackupDb db, WorkTask task, CancellationToken cancellation)
    {
        if (task.Location is not { } id || task.Kind is WorkKind.StartServer or WorkKind.StopServer) return new(null, null, null);
        var location = await db.Locations.FindAsync([id], cancellation).ConfigureAwait(false);
        var key = await db.Keys.FindAsync([task.Project], cancellation).ConfigureAwait(false);
        return new(
            key is null ? null : master.Unwrap(key.Wrapped, KeyPurpose, task.Project.ToString()),
            location?.AccessKey,
            location?.WrappedSecretKey is { } wrapped
                ? Encoding.UTF8.GetString(master.Unwrap(wrapped, SecretPurpose, id.ToString())) : null);
    }
}
