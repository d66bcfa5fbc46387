using System.Globalization;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>
/// What the storage says has changed, against a full comparison of both snapshots: nothing that differs may be missing. The
/// volumes are small, with small objects, so that each round touches many kinds of objects.
/// </summary>
public sealed class ChangeOracleTests(CephLab lab)
{
    const int ObjectBytes = 64 * 1024;
    const int LengthBytes = 40 * ObjectBytes + 5 * 512;
    const string Tracked = "layering,exclusive-lock,object-map,fast-diff", Untracked = "layering,exclusive-lock", Bare = "layering";
    static readonly int Rounds = CephLab.IsSoak ? 300 : 12;

    [Theory]
    [InlineData(Tracked, false, false, 1)]
    [InlineData(Untracked, false, false, 2)]
    [InlineData(Tracked, true, false, 3)]
    [InlineData(Untracked, true, false, 4)]
    [InlineData(Bare, false, false, 5)]
    [InlineData(Tracked, false, true, 6)]
    [InlineData(Untracked, true, true, 7)]
    [InlineData(Tracked, true, true, 8)]
    public async Task Nothing_that_changed_is_missed(string features, bool isClone, bool isGroup, int seed)
    {
        var random = new Random(seed);
        var volume = await NewImageAsync(features, isClone, random);
        List<VolumeId> volumes = isGroup ? [volume, await NewImageAsync(features, isClone: false, random)] : [volume];
        using var guest = CephLab.NewGuest();
        var snapshots = lab.Storage.Snapshots;
        string? from = null;
        byte[]? before = null;
        for (var round = 0; round < Rounds; round++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"round-{seed}-{round}");
            for (var i = random.Next(1, 12); i > 0; i--) await ChangeAsync(guest, volume, random);
            var prepared = await snapshots.PrepareAsync(name, volumes, default);
            // The guest writes on until it is held: what comes between is in the instant, and may be gone again before the next.
            for (var i = random.Next(6); i > 0; i--) await ChangeAsync(guest, volume, random, resizes: false);
            await prepared.TakeAsync(default);
            await prepared.FinishAsync(default);
            var after = await lab.Storage.AllAsync(volume, name);
            await AssertAllocatedAsync(volume, name, after, seed, round);
            if (from is not null)
            {
                var answer = await snapshots.FindChangesAsync(volume, from, name, default);
                if (before!.Length != after.Length) Assert.IsType<ChangeAnswer.Lost>(answer);
                else
                {
                    var known = Assert.IsType<ChangeAnswer.Known>(answer);
                    var missed = Reading.FirstOutside(before, after, known.Extents.Ranges);
                    Assert.True(missed < 0, $"seed {seed}, round {round}: byte {missed} changed and was not told");
                }
                await snapshots.RemoveAsync(from, volumes, default);
            }
            (from, before) = (name, after);
        }
        await snapshots.RemoveAsync(from!, volumes, default);
        Assert.Empty(await snapshots.ListAsync(volumes, default));
    }

    /// <summary>An image of many objects is asked about in steps: at the edge of each something changes.</summary>
    [Theory]
    [InlineData(Tracked)]
    [InlineData(Untracked)]
    public async Task Changes_at_the_edges_of_steps_are_found_and_rolled_back(string features)
    {
        const int objectBytes = 4096, stepBytes = 256 * objectBytes, lengthBytes = 3 * stepBytes + 5 * objectBytes;
        var volume = await lab.NewImageAsync(lengthBytes, features, "--object-size", "4K");
        var snapshots = lab.Storage.Snapshots;
        using (var guest = CephLab.NewGuest())
        {
            await guest.WriteAsync(volume, 0, new Random(1).RandomBytes(lengthBytes));
            await snapshots.TakeAsync("first", [volume], default);
            foreach (var at in (int[])[0, stepBytes - 1, stepBytes, 2 * stepBytes - 1, 3 * stepBytes, lengthBytes - 1])
                await guest.WriteAsync(volume, at, new byte[] { 0 });
            guest.Discard(volume, 2 * stepBytes, objectBytes);
        }
        await snapshots.TakeAsync("second", [volume], default);
        var (before, after) = (await lab.Storage.AllAsync(volume, "first"), await lab.Storage.AllAsync(volume, "second"));
        Assert.NotEqual(-1, Reading.FirstOutside(before, after, []));
        var known = Assert.IsType<ChangeAnswer.Known>(await snapshots.FindChangesAsync(volume, "first", "second", default));
        Assert.Equal(-1, Reading.FirstOutside(before, after, known.Extents.Ranges));
        Assert.InRange(known.Extents.Ranges.Sum(range => range.Length), 7, 7 * objectBytes);
        await snapshots.RollBackAsync("first", [volume], default);
        Assert.Equal(before, await lab.Storage.AllAsync(volume));
    }

    [Fact]
    public async Task A_change_that_is_left_out_is_found_by_the_comparison()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        using var guest = CephLab.NewGuest();
        await lab.Storage.Snapshots.TakeAsync("first", [volume], default);
        await guest.WriteAsync(volume, 3 * 4096 + 1, new byte[] { 1 });
        await guest.WriteAsync(volume, 7 * ObjectBytes, new byte[] { 1 });
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        var known = Assert.IsType<ChangeAnswer.Known>(
            await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        var (before, after) = (await lab.Storage.AllAsync(volume, "first"), await lab.Storage.AllAsync(volume, "second"));
        Assert.Equal(-1, Reading.FirstOutside(before, after, known.Extents.Ranges));
        Assert.NotEqual(-1, Reading.FirstOutside(before, after, known.Extents.Ranges.Skip(1)));
        Assert.NotEqual(-1, Reading.FirstOutside(before, after, known.Extents.Ranges.SkipLast(1)));
    }

    [Theory]
    [InlineData(Tracked)]
    [InlineData(Untracked)]
    public async Task A_discard_that_hides_the_parent_is_a_change(string features)
    {
        var child = await NewImageAsync(features, isClone: true, new Random(1));
        using var guest = CephLab.NewGuest();
        await lab.Storage.Snapshots.TakeAsync("first", [child], default);
        guest.Discard(child, 0, ObjectBytes);
        await guest.ZeroAsync(child, 3 * ObjectBytes, ObjectBytes);
        guest.Discard(child, 6 * ObjectBytes + 1000, 5000);
        await lab.Storage.Snapshots.TakeAsync("second", [child], default);
        var (before, after) = (await lab.Storage.AllAsync(child, "first"), await lab.Storage.AllAsync(child, "second"));
        Assert.NotEqual(before, after);
        var known = Assert.IsType<ChangeAnswer.Known>(
            await lab.Storage.Snapshots.FindChangesAsync(child, "first", "second", default));
        var missed = Reading.FirstOutside(before, after, known.Extents.Ranges);
        Assert.True(missed < 0, $"byte {missed} changed and was not told");
    }

    [Fact]
    public async Task A_volume_that_became_longer_or_lost_its_base_is_not_tracked()
    {
        var volume = await lab.NewVolumeAsync(LengthBytes);
        await lab.Storage.Snapshots.TakeAsync("first", [volume], default);
        await lab.Storage.ResizeAsync(volume, LengthBytes + 4096, default);
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volume, "never", "second", default));
        await Reading.FailsAsync(CloudFailure.NotFound,
            () => lab.Storage.Snapshots.FindChangesAsync(volume, "first", "never", default));
    }

    [Fact]
    public async Task An_invalid_object_map_is_not_believed()
    {
        var volume = await lab.NewImageAsync(LengthBytes, Untracked);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volume, 0, new byte[] { 1 });
        // Switched on afterwards, the map is invalid until somebody rebuilds it.
        await CephLab.RbdAsync("feature", "enable", volume.Value, "object-map", "fast-diff");
        Assert.Contains("invalid", await CephLab.RbdAsync("info", volume.Value), StringComparison.Ordinal);
        await lab.Storage.Snapshots.TakeAsync("first", [volume], default);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volume, 5 * ObjectBytes, new byte[] { 1 });
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        var known = Assert.IsType<ChangeAnswer.Known>(
            await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        Assert.Contains(known.Extents.Ranges, range => range.Offset <= 5 * ObjectBytes && range.End > 5 * ObjectBytes);
        await AssertAllocatedAsync(volume, "second", await lab.Storage.AllAsync(volume, "second"), 0, 0);
    }

    async Task AssertAllocatedAsync(VolumeId volume, string instant, byte[] content, int seed, int round)
    {
        await using var reader = await lab.Storage.Snapshots.OpenAsync(instant, volume, default);
        List<Extent> allocated = [.. reader.AllocatedExtents()];
        var missed = Reading.FirstOutside(new byte[content.Length], content, allocated);
        Assert.True(missed < 0, $"seed {seed}, round {round}: byte {missed} is not zero and was not told");
    }

    async Task<VolumeId> NewImageAsync(string features, bool isClone, Random random)
    {
        if (!isClone)
            return await lab.NewImageAsync(LengthBytes, features, "--object-size", ObjectBytes.ToString(CultureInfo.InvariantCulture)
                + "B");
        var parent = await lab.NewImageAsync(
            LengthBytes - 3 * ObjectBytes, Tracked, "--object-size", ObjectBytes.ToString(CultureInfo.InvariantCulture) + "B");
        using (var guest = CephLab.NewGuest())
            for (var at = 0; at < LengthBytes - 4 * ObjectBytes; at += 3 * ObjectBytes)
                await guest.WriteAsync(parent, at + 100, random.RandomBytes(2 * ObjectBytes));
        var origin = await lab.NewParentAsync(parent);
        var child = new VolumeId($"{CephLab.Pool}/{lab.NewName("test")}");
        await CephLab.RbdAsync("clone", origin, child.Value, "--image-feature", features,
            "--object-size", ObjectBytes.ToString(CultureInfo.InvariantCulture) + "B");
        using (var guest = CephLab.NewGuest()) guest.Resize(child, LengthBytes);
        return child;
    }

    /// <summary>What is written between the snapshot before and the instant itself, and is gone again before the next instant, is no
    /// difference of that snapshot and the next instant.</summary>
    [Theory]
    [InlineData(Tracked, false)]
    [InlineData(Untracked, false)]
    [InlineData(Tracked, true)]
    [InlineData(Untracked, true)]
    public async Task What_came_while_an_instant_was_prepared_and_went_before_the_next_is_not_missed(string features, bool isCutShort)
    {
        var random = new Random(9);
        VolumeId[] volumes = [await NewImageAsync(features, isClone: false, random), await NewImageAsync(features, isClone: false, random)];
        var volume = volumes[0];
        using var guest = CephLab.NewGuest();
        await guest.WriteAsync(volume, 2 * ObjectBytes, random.RandomBytes(4096));
        var prepared = await PrepareAsync("first", volumes, isCutShort);
        for (var i = 0; i < 4; i++) await guest.WriteAsync(volume, i * ObjectBytes, random.RandomBytes(ObjectBytes));
        await TakeAsync(prepared, "first", volumes);
        guest.Discard(volume, 0, ObjectBytes);
        await guest.ZeroAsync(volume, ObjectBytes, ObjectBytes);
        guest.Discard(volume, 2 * ObjectBytes + 8192, ObjectBytes - 8192);
        guest.Discard(volume, 3 * ObjectBytes, ObjectBytes);
        await lab.Storage.Snapshots.TakeAsync("second", volumes, default);
        var known = Assert.IsType<ChangeAnswer.Known>(await lab.Storage.Snapshots.FindChangesAsync(volume, "first", "second", default));
        var missed = Reading.FirstOutside(
            await lab.Storage.AllAsync(volume, "first"), await lab.Storage.AllAsync(volume, "second"), known.Extents.Ranges);
        Assert.True(missed < 0, $"byte {missed} changed and was not told");
    }

    [Theory]
    [InlineData(Tracked)]
    [InlineData(Untracked)]
    public async Task What_came_while_an_instant_was_prepared_is_rolled_back_to(string features)
    {
        var random = new Random(10);
        VolumeId[] volumes = [await NewImageAsync(features, isClone: false, random), await NewImageAsync(features, isClone: false, random)];
        using (var guest = CephLab.NewGuest())
        {
            var prepared = await PrepareAsync("good-state", volumes, isCutShort: false);
            await guest.WriteAsync(volumes[0], 0, random.RandomBytes(3 * ObjectBytes));
            await TakeAsync(prepared, "good-state", volumes);
            guest.Discard(volumes[0], 0, ObjectBytes);
            await guest.ZeroAsync(volumes[0], ObjectBytes, 2 * ObjectBytes);
        }
        await lab.Storage.Snapshots.RollBackAsync("good-state", [volumes[0]], default);
        Assert.Equal(await lab.Storage.AllAsync(volumes[0], "good-state"), await lab.Storage.AllAsync(volumes[0]));
    }

    [Fact]
    public async Task A_snapshot_taken_before_that_is_newer_than_its_instant_tells_nothing()
    {
        var random = new Random(12);
        VolumeId[] volumes = [await NewImageAsync(Tracked, isClone: false, random), await NewImageAsync(Tracked, isClone: false, random)];
        await lab.Storage.Snapshots.TakeAsync("first", volumes, default);
        using (var guest = CephLab.NewGuest()) await guest.WriteAsync(volumes[0], 0, random.RandomBytes(4096));
        await CephLab.RbdAsync("snap", "rm", $"{volumes[0]}@vb.first.b");
        await CephLab.RbdAsync("snap", "create", $"{volumes[0]}@vb.first.b");
        await lab.Storage.Snapshots.TakeAsync("second", volumes, default);
        var lost = Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volumes[0], "first", "second", default));
        Assert.Contains("made anew", lost.Reason, StringComparison.Ordinal);
        Assert.IsType<ChangeAnswer.Known>(await lab.Storage.Snapshots.FindChangesAsync(volumes[1], "first", "second", default));
        // From a newer instant to an older one.
        Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volumes[1], "second", "first", default));
    }

    [Fact]
    public async Task A_base_that_gave_way_is_lost_and_nothing_of_it_is_left()
    {
        var random = new Random(11);
        VolumeId[] volumes = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => NewImageAsync(Tracked, isClone: false, random)))];
        await lab.Storage.Snapshots.TakeAsync("first", volumes[..2], default);
        await lab.Storage.Snapshots.ReduceToBasesAsync(["first"], volumes, default);
        foreach (var volume in volumes)
            Assert.Equal("[]", (await CephLab.RbdAsync("snap", "ls", "--all", "--format", "json", volume.Value)).Trim());
        await lab.Storage.Snapshots.TakeAsync("second", volumes, default);
        Assert.Equal(["second"], (await lab.Storage.Snapshots.ListAsync(volumes, default)).Select(instant => instant.Name));
        Assert.IsType<ChangeAnswer.Lost>(await lab.Storage.Snapshots.FindChangesAsync(volumes[0], "first", "second", default));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task What_was_read_of_a_snapshot_that_went_meanwhile_is_not_believed(int count)
    {
        var random = new Random(12);
        VolumeId[] volumes = [.. await Task.WhenAll(Enumerable.Range(0, count).Select(_ =>
            NewImageAsync(Tracked, isClone: false, random)))];
        await lab.Storage.Snapshots.TakeAsync("being-read", volumes, default);
        await using var reader = await lab.Storage.Snapshots.OpenAsync("being-read", volumes[0], default);
        await lab.Storage.Snapshots.RequireStillThereAsync("being-read", volumes, default);
        await lab.Storage.Snapshots.RemoveAsync("being-read", volumes, default);
        await Reading.FailsAsync(CloudFailure.NotFound, () => lab.Storage.Snapshots.RequireStillThereAsync("being-read", volumes, default));
    }

    [Fact]
    public async Task An_instant_that_is_in_the_way_and_not_named_is_told_of_before_anything_is_done()
    {
        var random = new Random(13);
        VolumeId[] volumes = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => NewImageAsync(Tracked, isClone: false, random)))];
        await lab.Storage.Snapshots.TakeAsync("another-vault", volumes, default);
        var failure = await Assert.ThrowsAsync<CloudException>(() =>
            lab.Storage.Snapshots.ReduceToBasesAsync(["mine"], volumes[..2], default));
        Assert.Equal(CloudFailure.InUse, failure.Failure);
        Assert.Contains("another-vault", failure.Message, StringComparison.Ordinal);
        Assert.True(Assert.Single(await lab.Storage.Snapshots.ListAsync(volumes, default)).IsComplete);
        // The same volumes are no obstacle, and neither is one of them alone.
        await lab.Storage.Snapshots.ReduceToBasesAsync(["mine"], volumes, default);
        await lab.Storage.Snapshots.ReduceToBasesAsync(["mine"], volumes[..1], default);
        await lab.Storage.Snapshots.RemoveAsync("another-vault", volumes, default);
    }

    async Task<IPreparedInstant?> PrepareAsync(string name, VolumeId[] volumes, bool isCutShort)
    {
        if (!isCutShort) return await lab.Storage.Snapshots.PrepareAsync(name, volumes, default);
        // The lab's own storage is others' too.
        await using var dying = new CephStorage(CephLab.Settings);
        dying.CephSnapshots.BeforeStep = step =>
        {
            if (step == "snapshot the group") throw new InvalidOperationException("it died here");
        };
        await Assert.ThrowsAsync<InvalidOperationException>(() => dying.Snapshots.TakeAsync(name, volumes, default));
        return null;
    }

    Task TakeAsync(IPreparedInstant? prepared, string name, VolumeId[] volumes) =>
        prepared is null ? lab.Storage.Snapshots.TakeAsync(name, volumes, default) : FinishAsync(prepared);

    static async Task FinishAsync(IPreparedInstant prepared)
    {
        await prepared.TakeAsync(default);
        await prepared.FinishAsync(default);
    }

    async Task ChangeAsync(Guest guest, VolumeId volume, Random random, bool resizes = true)
    {
        var length = (await lab.Storage.FindLengthAsync(volume, default))!.Value;
        var offset = random.NextInt64(length - 1);
        var count = Math.Min(length - offset, random.Next(3) switch
        {
            0 => random.Next(1, 5000),
            1 => random.Next(1, 3 * ObjectBytes),
            _ => 512 * random.Next(1, 16),
        });
        // Whole objects go another way than parts of them.
        var start = offset / ObjectBytes * ObjectBytes;
        var objects = Math.Min(length - start, ObjectBytes * (long)random.Next(1, 4));
        switch (random.Next(resizes ? 12 : 11))
        {
            case < 5: await guest.WriteAsync(volume, offset, random.RandomBytes((int)count)); break;
            case 5: guest.Discard(volume, offset, count); break;
            case 6: guest.Discard(volume, start, objects); break;
            case 7: await guest.ZeroAsync(volume, offset, count); break;
            case 8: await guest.ZeroAsync(volume, start, objects); break;
            case 9: await guest.WriteAsync(volume, start, random.RandomBytes((int)objects)); break;
            case 10: await guest.WriteAsync(volume, offset, new byte[count]); break;
            default:
                // Most often back to where it was: then the length tells nothing of what was cut off.
                guest.Resize(volume, random.NextInt64(length / 2, length));
                if (random.Next(4) > 0) guest.Resize(volume, length);
                else if (random.Next(2) > 0) guest.Resize(volume, LengthBytes);
                break;
        }
    }
}
