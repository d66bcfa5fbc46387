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

    protected override Task TakeNameAwayAsync(VolumeId volume, string claim) => Task.Run(() =>
    {
        using var connection = CephConnection.Open(CephLab.Settings);
        var path = RbdPath.Parse(volume);
        RbdImage.Rename(connection, path, path with { Image = $"{path.Image}.vbackup-new.{VolumeClaim.OwnerOf(claim)}" });
    });

    [Fact]
    public async Task Of_two_owners_who_make_one_volume_the_slower_leaves_nothing_and_takes_nothing()
    {
        var volume = Volume("raced");
        await LeaveUnnamedAsync(volume, "run-1-new");
        await Storage.CreateAsync(volume, Length, "other-1-new", Token);
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Storage.CreateAsync(volume, Length, "run-2-new", Token)));
        Assert.Equal("other-1-new", await Storage.FindClaimAsync(volume, Token));
        await Storage.RemoveAsync(volume, Token);
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
    }
}
