using VBackup.Clouds.Lab;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;
using Xunit.Sdk;

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

    protected override Task LeaveHalfMadeAsync(VolumeId volume) =>
        File.WriteAllBytesAsync(Path.Combine(_folder.Path, "volumes", volume.Value + ".raw.new"), new byte[4096], Token);

    protected override Task TakeNameAwayAsync(VolumeId volume, string claim)
    {
        File.Move(PathOf(volume), PathOf(volume) + ".new");
        return Task.CompletedTask;
    }

    protected override Task MakeByHandAsync(VolumeId volume) => File.WriteAllBytesAsync(PathOf(volume), new byte[Length], Token);

    string PathOf(VolumeId volume) => Path.Combine(_folder.Path, "volumes", volume.Value + ".raw");

    [Fact]
    public async Task Nothing_is_left_of_a_volume_that_is_removed()
    {
        var volume = await CreateAsync("gone");
        await using (await Storage.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "run-1" }, Token)) { }
        // Whoever died while he did one of these leaves what he had begun.
        foreach (var begun in (string[])["raw", "claim", "gate", "writer", "restoring", "shutting-out"])
            await File.WriteAllTextAsync(Path.Combine(_folder.Path, "volumes", $"gone.{begun}.new"), "half", Token);
        await Storage.RemoveAsync(volume, Token);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_folder.Path, "volumes"), "gone*"));
    }

    [Fact]
    public async Task A_roll_back_that_fails_in_the_middle_leaves_its_note_with_what_it_has_not_reached_too()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync("instant-1", volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 0, Bytes(4096));
        Directory.CreateDirectory(PathOf(volumes[1]) + ".new");
        var note = new RestoreNote("instant-1", DateTimeOffset.UnixEpoch, "instant-1", IsRollBack: true);
        await Assert.ThrowsAsync<CloudException>(() => Snapshots.RollBackAsync("instant-1", volumes, Token, note));
        AssertSame(new byte[4096], (await ReadAsync(volumes[0])).AsMemory(0, 4096));
        AssertSame(Bytes(4096), (await ReadAsync(volumes[1])).AsMemory(0, 4096));
        foreach (var volume in volumes) Assert.Equal(note, await Storage.FindRestoreNoteAsync(volume, Token));
    }

    [Fact]
    public async Task A_change_or_data_that_is_not_told_is_found()
    {
        var volume = await CreateAsync("planted");
        await Snapshots.TakeAsync("instant-1", [volume], Token);
        foreach (var offset in (long[])[0, 100_000, 5_000_000]) await WriteAsync(volume, offset, Bytes(100));
        await Snapshots.TakeAsync("instant-2", [volume], Token);
        var known = Assert.IsType<ChangeAnswer.Known>(await Snapshots.FindChangesAsync(volume, "instant-1", "instant-2", Token));
        var (before, after) = (await ReadAsync("instant-1", volume), await ReadAsync("instant-2", volume));
        AssertNothingMissed(before, after, known.Extents, "all");
        await using var reader = await Snapshots.OpenAsync("instant-2", volume, Token);

        Assert.Equal(3, known.Extents.Ranges.Count);
        for (var planted = 0; planted < 3; planted++)
        {
            List<Extent> told = [.. known.Extents.Ranges];
            told.RemoveAt(planted);
            Assert.ThrowsAny<XunitException>(() => AssertNothingMissed(before, after, Extents.Checked(told, Length), "planted"));
            List<Extent> allocated = [.. reader.AllocatedExtents()];
            allocated.RemoveAt(Math.Min(planted, allocated.Count - 1));
            Assert.ThrowsAny<XunitException>(() => AssertAllocated(after, from => allocated.Where(extent => extent.Offset >= from)));
        }
    }

    protected override ValueTask CleanUpAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
