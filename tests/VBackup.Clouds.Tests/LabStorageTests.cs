using VBackup.Clouds.Lab;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Tests;

public sealed class LabStorageTests : VolumeStorageConformance
{
    readonly TemporaryFolder _folder = new();

    protected override ValueTask<IVolumeStorage> OpenAsync() => new(LabCloud.Open(_folder.Path).Storage);

    // What is on disk when the process dies before the last volume is cloned.
    protected override async Task LeaveHalfTakenAsync(string name, IReadOnlyList<VolumeId> volumes)
    {
        await Snapshots.TakeAsync(name, volumes, Token);
        var instant = Path.Combine(_folder.Path, "instants", name);
        File.Move(Path.Combine(instant, "instant.json"), Path.Combine(instant, "taking.json"));
        File.Delete(Path.Combine(instant, volumes[^1].Value + ".raw"));
    }

    protected override ValueTask CleanUpAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
