using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Libvirt.Tests.Live;
using VBackup.Clouds.Tests;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Tests.Files;

public sealed class RawFileStorageTests() : FileStorageConformanceTests(".raw");

public sealed class Qcow2FileStorageTests() : FileStorageConformanceTests(".qcow2");

/// <summary>Volumes that no server has. Those of running servers: <see cref="LiveBackupTests"/>.</summary>
public abstract class FileStorageConformanceTests : VolumeStorageConformance
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vbackup-files-");
    readonly List<LibvirtHypervisor> _hypervisors = [];
    readonly string _suffix;

    protected FileStorageConformanceTests(string suffix)
    {
        LiveServer.SkipWithoutLab();
        _suffix = suffix;
    }

    protected override bool TellsChanges => false;

    protected override bool TellsInstantsApart => false;

    protected override bool TakesInstantsUnderWriters => false;

    // Each read and write of one starts a program.
    protected override int ChangeRounds => 3;

    protected override ValueTask<IVolumeStorage> OpenAsync()
    {
        var hypervisor = new LibvirtHypervisor(new LibvirtSettings(LiveServer.Uri), TimeProvider.System);
        _hypervisors.Add(hypervisor);
        return new(new LibvirtFileStorage(hypervisor, _folder.FullName, TimeProvider.System));
    }

    protected override VolumeId Volume(string name) => new(Path.Combine(_folder.FullName, name + _suffix));

    // What is on disk when the process dies before the last volume is copied.
    protected override async Task LeaveHalfTakenAsync(string name, IReadOnlyList<VolumeId> volumes)
    {
        await Snapshots.TakeAsync(name, volumes, Token);
        var instant = Path.Combine(_folder.FullName, ".vbackup/copies", name);
        File.Move(Path.Combine(instant, "instant.json"), Path.Combine(instant, "taking.json"));
        File.Delete(Path.Combine(instant, $"{volumes.Count - 1}.copy"));
    }

    protected override Task LeaveHalfMadeAsync(VolumeId volume) => File.WriteAllBytesAsync(Unfinished(volume), new byte[4096], Token);

    protected override Task TakeNameAwayAsync(VolumeId volume, string claim)
    {
        File.Move(volume.Value, Unfinished(volume));
        return Task.CompletedTask;
    }

    protected override Task MakeByHandAsync(VolumeId volume) => File.WriteAllBytesAsync(volume.Value, new byte[Length], Token);

    string Unfinished(VolumeId volume) => Path.Combine(_folder.FullName, $".{Path.GetFileName(volume.Value)}.vbackup-new");

    protected override async ValueTask CleanUpAsync()
    {
        foreach (var hypervisor in _hypervisors) await hypervisor.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
