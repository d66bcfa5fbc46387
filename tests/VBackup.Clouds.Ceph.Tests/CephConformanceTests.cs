using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Snapshots;
using VBackup.Clouds.Tests;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>What every storage of volumes must do, done by Ceph.</summary>
public sealed class CephConformanceTests(CephLab lab) : VolumeStorageConformance
{
    readonly string run = lab.NewName("conformance");

    protected override ValueTask<IVolumeStorage> OpenAsync()
    {
        CephLab.Skip();
        return new(new CephStorage(CephLab.Settings));
    }

    protected override VolumeId Volume(string name) => new($"{CephLab.Pool}/{run}-{name}");

    // The base's own snapshot starts each of the differences, and a whole history of them would take minutes.
    protected override bool KnowsChangesSinceAllInstants => CephLab.IsSoak;

    protected override int ChangeRounds => CephLab.IsSoak ? 8 : 4;

    protected override int InstantsUnderJournal => CephLab.IsSoak ? 25 : 5;

    // Without taking the lock for good: QEMU gives it up for as long as a group's snapshot takes.
    protected override Task<IVolumeWriter> OpenAsServerAsync(VolumeId volume) => Task.Run<IVolumeWriter>(() =>
    {
        var connection = CephConnection.Open(CephLab.Settings);
        var image = RbdImage.Open(connection, RbdPath.Parse(volume), isReadOnly: false);
        return new CephVolumeWriter(image, connection, image.LengthBytes, false, new(CephLab.Settings.CallTimeout, TimeProvider.System));
    });

    protected override async Task LeaveHalfTakenAsync(string name, IReadOnlyList<VolumeId> volumes)
    {
        await using var dying = new CephStorage(CephLab.Settings);
        ((CephSnapshots)dying.Snapshots).BeforeStep = step =>
        {
            if (step == "snapshot the group") throw new OperationCanceledException(step);
        };
        await Assert.ThrowsAsync<OperationCanceledException>(() => dying.Snapshots.TakeAsync(name, volumes, Token));
    }
}
