using System.Buffers.Binary;
using System.Globalization;
using VBackup.Clouds.Ceph.Snapshots;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

public sealed class InstantTests(CephLab lab)
{
    const int LengthBytes = 8 << 20;

    IVolumeSnapshots Snapshots => lab.Storage.Snapshots;

    async Task<VolumeId[]> NewVolumesAsync() => [await lab.NewVolumeAsync(LengthBytes), await lab.NewVolumeAsync(LengthBytes)];

    [Fact]
    public async Task Volumes_of_one_instant_are_in_order_and_skewed_ones_are_not()
    {
        var volumes = await NewVolumesAsync();
        using var guest = CephLab.NewGuest();
        await using (var journal = new WriteOrderJournal(guest, volumes))
        {
            for (var i = 0; i < 5; i++)
            {
                await journal.GoesOnAsync();
                var name = string.Create(CultureInfo.InvariantCulture, $"order-{i}");
                await Snapshots.TakeAsync(name, volumes, default);
                Assert.InRange(await SkewAsync(volumes, name, name), 0, 1);
                await Snapshots.RemoveAsync(name, volumes, default);
            }
            await Snapshots.TakeAsync("skewed-a", [volumes[0]], default);
            await journal.GoesOnAsync();
            await Snapshots.TakeAsync("skewed-b", [volumes[1]], default);
        }
        Assert.True(await SkewAsync(volumes, "skewed-a", "skewed-b") < 0, "the skewed pair passes for an instant");
    }

    async Task<long> SkewAsync(VolumeId[] volumes, string first, string second) =>
        BinaryPrimitives.ReadInt64LittleEndian(await lab.Storage.AllAsync(volumes[0], first))
        - BinaryPrimitives.ReadInt64LittleEndian(await lab.Storage.AllAsync(volumes[1], second));

    /// <summary>Writes record n to the first volume, then to the second, then n + 1.</summary>
    sealed class WriteOrderJournal : IAsyncDisposable
    {
        readonly Task writing;
        volatile bool stops;
        long records;

        public WriteOrderJournal(Guest guest, VolumeId[] volumes) => writing = Task.Run(async () =>
        {
            var record = new byte[512];
            while (!stops)
            {
                BinaryPrimitives.WriteInt64LittleEndian(record, records + 1);
                foreach (var volume in volumes) await guest.WriteAsync(volume, 0, record);
                Interlocked.Increment(ref records);
            }
        });

        /// <summary>Ends when it has written some more.</summary>
        public async Task GoesOnAsync()
        {
            var goal = Interlocked.Read(ref records) + 3;
            while (Interlocked.Read(ref records) < goal)
            {
                if (writing.IsCompleted) await writing;
                await Task.Yield();
            }
        }

        public async ValueTask DisposeAsync()
        {
            stops = true;
            await writing;
        }
    }

    [Fact]
    public async Task Taking_that_was_cut_short_anywhere_can_be_repeated_or_removed()
    {
        var volumes = await NewVolumesAsync();
        var step = 0;
        for (var crashed = true; crashed; step++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"taking-{step}");
            crashed = await CrashesAsync(step, snapshots => snapshots.TakeAsync(name, volumes, default));
            Assert.Equal(!crashed, (await Snapshots.ListAsync(volumes, default)).Any(found => found.IsComplete));
            if (step % 2 == 0)
            {
                var instant = await Snapshots.TakeAsync(name, volumes, default);
                Assert.True(instant.IsComplete);
                Assert.Equal(volumes.OrderBy(volume => volume.Value, StringComparer.Ordinal), instant.Volumes);
                Assert.Equal(instant with { Volumes = [] }, await Snapshots.TakeAsync(name, volumes, default) with { Volumes = [] });
            }
            await Snapshots.RemoveAsync(name, volumes, default);
            await AssertNothingIsLeftAsync(volumes);
        }
        Assert.Equal(7, step);
    }

    [Fact]
    public async Task Removing_that_was_cut_short_anywhere_can_be_repeated()
    {
        var volumes = await NewVolumesAsync();
        var step = 0;
        for (var crashed = true; crashed; step++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"removing-{step}");
            await Snapshots.TakeAsync(name, volumes, default);
            crashed = await CrashesAsync(step, snapshots => snapshots.RemoveAsync(name, volumes, default));
            if (step > 0)
            {
                Assert.DoesNotContain(await Snapshots.ListAsync(volumes, default), found => found.IsComplete);
                await Reading.FailsAsync(CloudFailure.NotFound, () => Snapshots.OpenAsync(name, volumes[0], default));
                await Reading.FailsAsync(CloudFailure.NotFound, () => Snapshots.RollBackAsync(name, volumes, default));
            }
            await Snapshots.RemoveAsync(name, volumes, default);
            await Snapshots.RemoveAsync(name, volumes, default);
            await AssertNothingIsLeftAsync(volumes);
        }
        Assert.Equal(5, step);
    }

    static async Task<bool> CrashesAsync(int atStep, Func<IVolumeSnapshots, Task> work)
    {
        await using var storage = new CephStorage(CephLab.Settings);
        storage.CephSnapshots.BeforeStep = _ =>
        {
            if (atStep-- == 0) throw new PlannedCrashException();
        };
        try
        {
            await work(storage.Snapshots);
            return false;
        }
        catch (PlannedCrashException)
        {
            return true;
        }
    }

    sealed class PlannedCrashException : Exception;

    async Task AssertNothingIsLeftAsync(VolumeId[] volumes)
    {
        Assert.Empty(await Snapshots.ListAsync(volumes, default));
        foreach (var volume in volumes)
        {
            Assert.Equal("[]", (await CephLab.RbdAsync("snap", "ls", "--all", "--format", "json", volume.Value)).Trim());
            Assert.DoesNotContain("vb.", await CephLab.RbdAsync("info", volume.Value), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Instants_are_listed_oldest_first_and_a_name_belongs_to_its_volumes()
    {
        var volumes = await NewVolumesAsync();
        await Snapshots.TakeAsync("point-1", volumes, default);
        await Snapshots.TakeAsync("point-2", volumes, default);
        await Snapshots.TakeAsync("alone-3", [volumes[0]], default);
        var found = await Snapshots.ListAsync([volumes[0]], default);
        Assert.Equal(["point-1", "point-2", "alone-3"], found.Select(instant => instant.Name));
        Assert.Equal([InstantKind.Group, InstantKind.Group, InstantKind.OneVolume], found.Select(instant => instant.Kind));
        Assert.All(found, instant => Assert.True(instant.IsComplete));
        await Reading.FailsAsync(CloudFailure.Exists, () => Snapshots.TakeAsync("point-1", [volumes[0]], default));
        await Reading.FailsAsync(CloudFailure.Exists, () => Snapshots.TakeAsync("alone-3", volumes, default));
    }

    [Fact]
    public async Task A_volume_in_a_group_of_others_is_refused_with_their_name()
    {
        var volumes = await NewVolumesAsync();
        var group = lab.NewName("theirs");
        await CephLab.RbdAsync("group", "create", $"{CephLab.Pool}/{group}");
        await CephLab.RbdAsync("group", "image", "add", $"{CephLab.Pool}/{group}", volumes[1].Value);
        var refusal = await Reading.FailsAsync(CloudFailure.InUse, () => Snapshots.TakeAsync("point", volumes, default));
        Assert.Contains(group, refusal.Message, StringComparison.Ordinal);
        await Snapshots.RemoveAsync("point", volumes, default);
        Assert.Contains(group, await CephLab.RbdAsync("group", "ls", CephLab.Pool), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_volume_held_together_with_others_is_free_when_their_instants_are_gone()
    {
        var volumes = await NewVolumesAsync();
        VolumeId[] more = [.. volumes, await lab.NewVolumeAsync(LengthBytes)];
        await Snapshots.TakeAsync("of-two", volumes, default);
        var refusal = await Reading.FailsAsync(CloudFailure.InUse, () => Snapshots.TakeAsync("of-three", more, default));
        Assert.Contains("of-two", refusal.Message, StringComparison.Ordinal);
        await Snapshots.RemoveAsync("of-two", volumes, default);
        Assert.Equal(3, (await Snapshots.TakeAsync("of-three", more, default)).Volumes.Count);
    }

    [Fact]
    public async Task Volumes_without_exclusive_lock_are_not_held_still()
    {
        var volumes = await NewVolumesAsync();
        var bare = await lab.NewImageAsync(LengthBytes, "layering");
        Assert.True(await Snapshots.HoldsStillAsync(volumes, default));
        Assert.False(await Snapshots.HoldsStillAsync([volumes[0], bare], default));
        Assert.True(await Snapshots.HoldsStillAsync([bare], default));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task Volumes_are_rolled_back_when_nobody_uses_them(int taken, int rolledBack)
    {
        var random = new Random(taken * 10 + rolledBack);
        var volumes = (await NewVolumesAsync())[..taken];
        var before = new List<byte[]>();
        using (var guest = CephLab.NewGuest())
        {
            foreach (var volume in volumes)
            {
                before.Add(random.RandomBytes(LengthBytes));
                await guest.WriteAsync(volume, 0, before[^1]);
            }
            await Snapshots.TakeAsync("good-state", volumes, default);
            foreach (var volume in volumes)
            {
                await guest.WriteAsync(volume, 12345, random.RandomBytes(3 << 20));
                guest.Discard(volume, 5 << 20, 2 << 20);
            }
            await Reading.FailsAsync(CloudFailure.InUse, () => Snapshots.RollBackAsync("good-state", volumes, default));
        }
        await Snapshots.RollBackAsync("good-state", volumes[..rolledBack], default);
        for (var i = 0; i < taken; i++)
        {
            var now = await lab.Storage.AllAsync(volumes[i]);
            if (i < rolledBack) Assert.Equal(before[i], now);
            else Assert.NotEqual(before[i], now);
        }
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    public async Task A_roll_back_that_was_cut_short_anywhere_leaves_its_note_and_can_be_repeated(int taken, int rolledBack)
    {
        var volumes = (await NewVolumesAsync())[..taken];
        await Snapshots.TakeAsync("good-state", volumes, default);
        var note = new RestoreNote("good-state", DateTimeOffset.UnixEpoch, "good-state", IsRollBack: true);
        var step = 0;
        for (var crashed = true; crashed; step++)
        {
            using (var guest = CephLab.NewGuest())
                foreach (var volume in volumes) await guest.WriteAsync(volume, 0, new byte[] { 1, 2, 3, 4 });
            crashed = await CrashesAsync(step, snapshots => snapshots.RollBackAsync("good-state", volumes[..rolledBack], default, note));
            for (var i = 0; i < taken; i++)
                Assert.Equal(i < rolledBack ? note : null, await lab.Storage.FindRestoreNoteAsync(volumes[i], default));
        }
        Assert.Equal(rolledBack + 1, step);
        foreach (var volume in volumes[..rolledBack])
            Assert.Equal(new byte[4], (await lab.Storage.AllAsync(volume))[..4]);
    }

    // A server was started: nothing more is to be written.
    [Fact]
    public async Task A_roll_back_of_all_volumes_stops_when_it_is_told_to()
    {
        var (volumes, now) = await WrittenSinceAsync("good-state");
        using var stop = new CancellationTokenSource();
        await using var storage = new CephStorage(CephLab.Settings);
        storage.CephSnapshots.BeforeStep = step =>
        {
            if (step.Contains(volumes[1].Value, StringComparison.Ordinal)) stop.Cancel();
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => storage.Snapshots.RollBackAsync("good-state", volumes, stop.Token));
        Assert.Equal(new byte[4], (await lab.Storage.AllAsync(volumes[0]))[..4]);
        Assert.Equal(now, await lab.Storage.AllAsync(volumes[1]));
        await Snapshots.RollBackAsync("good-state", volumes, default);
        Assert.Equal(new byte[4], (await lab.Storage.AllAsync(volumes[1]))[..4]);
    }

    // It slept, and another has done all of it, and has started the server.
    [Fact]
    public async Task A_roll_back_of_all_volumes_that_was_taken_over_writes_nothing_more()
    {
        var (volumes, now) = await WrittenSinceAsync("good-state");
        await using var storage = new CephStorage(CephLab.Settings);
        using var meeting = new Barrier(2);
        storage.CephSnapshots.BeforeStep = _ =>
        {
            meeting.SignalAndWait();
            meeting.SignalAndWait();
        };
        var rollingBack = Task.Run(() => storage.Snapshots.RollBackAsync("good-state", volumes, default));
        meeting.SignalAndWait();
        foreach (var volume in volumes)
            await (await lab.Storage.OpenWriterAsync(volume, new() { TakesOver = true }, default)).DisposeAsync();
        meeting.SignalAndWait();
        await Reading.FailsAsync(CloudFailure.InUse, () => rollingBack);
        foreach (var volume in volumes) Assert.Equal(now, await lab.Storage.AllAsync(volume));
    }

    // What was trimmed reads as zeros.
    [Fact]
    public async Task A_roll_back_writes_nothing_that_was_read_of_a_snapshot_that_went_meanwhile()
    {
        var (volumes, now) = await WrittenSinceAsync("good-state");
        {
            await using var target = await lab.Storage.OpenRbdWriterAsync(
                lab.Storage.PathOf(volumes[0]), new() { TakesOver = true }, default);
            await using var reader = await Snapshots.OpenAsync("good-state", volumes[0], default);
            var plan = new VolumeRollback(target, LengthBytes, [new(0, LengthBytes)], 0);
            await Reading.FailsAsync(CloudFailure.NotFound, () => plan.CopyAsync(reader,
                _ => throw new CloudException(CloudFailure.NotFound, "look", "good-state", "it is gone"), default));
        }
        Assert.Equal(now, await lab.Storage.AllAsync(volumes[0]));
    }

    async Task<(VolumeId[] Volumes, byte[] Now)> WrittenSinceAsync(string name)
    {
        // As they are rolled back.
        VolumeId[] volumes = [.. (await NewVolumesAsync()).OrderBy(volume => volume.Value, StringComparer.Ordinal)];
        await Snapshots.TakeAsync(name, volumes, default);
        using (var guest = CephLab.NewGuest())
            foreach (var volume in volumes) await guest.WriteAsync(volume, 0, new byte[] { 1, 2, 3, 4 });
        return (volumes, await lab.Storage.AllAsync(volumes[0]));
    }

    [Fact]
    public async Task A_rolled_back_volume_has_its_length_back()
    {
        var volumes = await NewVolumesAsync();
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volumes[0], LengthBytes - 4, new byte[] { 1, 2, 3, 4 });
        var before = await lab.Storage.AllAsync(volumes[0]);
        await Snapshots.TakeAsync("good-state", volumes, default);
        await lab.Storage.ResizeAsync(volumes[0], LengthBytes / 2, default);
        await Snapshots.RollBackAsync("good-state", [volumes[0]], default);
        Assert.Equal(before, await lab.Storage.AllAsync(volumes[0]));
    }
}
