using VBackup.Clouds.Volumes;
using VBackup.Service.Work;
using VBackup.Snapshots;
using VBackup.Vault.Stores;

namespace VBackup.Services.Tests.World;

/// <summary>Stories that are told on each kind of database: a class that follows says on which.</summary>
public abstract class StoryTests
{
    private protected virtual IWorldDatabases Databases(string folder) => new SqliteFiles(folder);

    private protected Task<ServiceWorld> MakeWorldAsync(WorkLimits? limits = null, Func<IVolumeStorage, IVolumeStorage>? storage = null,
        SnapshotLimits? snapshots = null, Func<TimeProvider, Func<IObjectStore, IObjectStore>>? stores = null) =>
        ServiceWorld.MakeAsync(limits, storage, snapshots, stores, Databases);

    private protected Task<ProtectedWorld> MakeProtectedWorldAsync() => ProtectedWorld.MakeAsync(Databases);
}
