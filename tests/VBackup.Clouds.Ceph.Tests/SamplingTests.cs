using System.Globalization;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>What change tracking leaves out is found by sampling, as often as docs/edge.md says.</summary>
public sealed class SamplingTests(CephLab lab)
{
    const int ChunkBytes = 16 * 1024, ObjectBytes = 64 * 1024, Objects = 640;
    const long LengthBytes = (long)Objects * ObjectBytes;
    static readonly int Rounds = CephLab.IsSoak ? 1000 : 40;
    static readonly DataPathOptions Options = new() { Workers = 4, SlotSize = 256 * 1024 };

    [Fact]
    public async Task A_change_that_the_difference_leaves_out_is_caught_as_often_as_documented()
    {
        var volume = await NewImageAsync();
        using var guest = CephLab.NewGuest();
        // So much that not every chunk is compared.
        const int Written = 150;
        await guest.WriteAsync(volume, 0, new Random(1).RandomBytes(Written * ObjectBytes));
        await using var vault = await NewVaultAsync();
        var basePoint = await BackUpAsync(vault, volume, "first");
        var untold = new Extent(40 * ObjectBytes, ChunkBytes);
        await guest.WriteAsync(volume, untold.Offset, new Random(2).RandomBytes((int)untold.Length));
        await guest.WriteAsync(volume, 10 * ObjectBytes, new Random(3).RandomBytes(ObjectBytes));
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        // Of the chunks that are said to be unchanged, one is not.
        var candidates = (Written - 1) * (ObjectBytes / ChunkBytes);

        var storage = new ForgetfulStorage(lab.Storage, untold);
        await AssertCaughtAsync(vault, basePoint, storage, volume, missed: 1, candidates,
            wrong => Assert.InRange(wrong.Offset, untold.Offset, untold.End - 1));
        Assert.Equal(Rounds, storage.Omissions);
    }

    [Fact]
    public async Task An_object_that_neither_map_nor_difference_knows_is_caught_as_often_as_documented_and_ends_in_a_word_of_what_to_do()
    {
        var volume = await NewImageAsync();
        using var guest = CephLab.NewGuest();
        await using var vault = await NewVaultAsync();
        var basePoint = await BackUpAsync(vault, volume, "first");
        // Each in a part of its own, of which two or three make one draw.
        long[] written = [7, 123, 415];
        foreach (var one in written) await guest.WriteAsync(volume, one * ObjectBytes + 5000, new byte[] { 1, 2, 3 });
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        await ObjectMaps.EmptyAsync(lab, volume, "vb.second.g");

        await AssertCaughtAsync(vault, basePoint, lab.Storage, volume, written.Length, Objects,
            wrong => Assert.Contains(wrong.Offset / ObjectBytes, written));
        // A full is not made of what cannot be read.
        var failure = await Assert.ThrowsAsync<CloudException>(() => BackUpAsync(vault, volume, "second"));
        Assert.Contains("rbd object-map rebuild", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_removed_and_not_told_of_is_caught_where_the_base_still_has_it()
    {
        var volume = await NewImageAsync();
        using var guest = CephLab.NewGuest();
        await guest.WriteAsync(volume, 0, new Random(4).RandomBytes(200 * ObjectBytes));
        await using var vault = await NewVaultAsync();
        var basePoint = await BackUpAsync(vault, volume, "first");
        // All of its second half, so that the absent ones that are drawn have hit it.
        var untold = new Extent(100 * ObjectBytes, 100 * ObjectBytes);
        guest.Discard(volume, untold.Offset, untold.Length);
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);

        var storage = new ForgetfulStorage(lab.Storage, untold);
        await using var run = await BackupWriter.StartAsync(vault, "backup", basePoint, default);
        await using var plan = await PlanAsync(run, storage, volume, seed: 1);
        Assert.True(storage.Omissions > 0, "nothing was left out");
        Assert.True(plan.IsTrackingWrong, "what is gone was not missed");
        Assert.All(plan.Volumes[0].Missed, range => Assert.InRange(range.Offset, untold.Offset, untold.End - 1));
    }

    [Fact]
    public async Task Where_tracking_is_right_no_sample_differs()
    {
        var volume = await NewImageAsync();
        using var guest = CephLab.NewGuest();
        await guest.WriteAsync(volume, 3 * ObjectBytes, new Random(5).RandomBytes(200 * ObjectBytes));
        await using var vault = await NewVaultAsync();
        var basePoint = await BackUpAsync(vault, volume, "first");
        await guest.WriteAsync(volume, 300 * ObjectBytes + 77, new Random(6).RandomBytes(9 * ObjectBytes));
        guest.Discard(volume, 20 * ObjectBytes, 4 * ObjectBytes);
        guest.Discard(volume, 40 * ObjectBytes + 512, 1000);
        await lab.Storage.Snapshots.TakeAsync("second", [volume], default);
        await using var run = await BackupWriter.StartAsync(vault, "backup", basePoint, default);
        for (var seed = 0; seed < 5; seed++)
        {
            await using var plan = await PlanAsync(run, lab.Storage, volume, seed);
            Assert.False(plan.IsTrackingWrong);
            Assert.NotNull(plan.Volumes[0].Changed);
            Assert.InRange(plan.Volumes[0].SampledChunks, ChangeSample.ChunksMin, int.MaxValue);
            Assert.Equal(ChangeSample.ChunksMin, plan.Volumes[0].SampledObjects);
        }
    }

    static async Task AssertCaughtAsync(BackupVault vault, PointDocument basePoint, IVolumeStorage storage, VolumeId volume, int missed,
        int candidates,
        Action<Extent> check)
    {
        await using var run = await BackupWriter.StartAsync(vault, "backup", basePoint, default);
        var caught = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            await using var plan = await PlanAsync(run, storage, volume, seed);
            if (!plan.IsTrackingWrong) continue;
            caught++;
            Assert.Null(plan.Volumes[0].Changed);
            Assert.Contains("change tracking missed a change", plan.Volumes[0].FullBecause, StringComparison.Ordinal);
            Assert.All(plan.Volumes[0].Missed, check);
        }
        var documented = 1 - Math.Pow(1 - (double)missed / candidates, ChangeSample.SizeFor(candidates));
        // Three standard deviations, and the seeds are fixed: this says the same every time.
        var tolerance = 3 * Math.Sqrt(documented * (1 - documented) / Rounds);
        Assert.True(caught >= Rounds * (documented - tolerance), $"caught {caught} of {Rounds}, documented {documented:p1}");
        Assert.True(caught < Rounds, "every round caught it: so few chunks would tell nothing of a rate");
    }

    static Task<ExportPlan> PlanAsync(BackupWriter run, IVolumeStorage storage, VolumeId volume, int seed) =>
        new TrackedExport(run, storage, Options, new Random(seed)).PlanAsync(
            [new("disk", volume, "second", "first", run.Base!.Volumes[0])], default);

    async Task<PointDocument> BackUpAsync(BackupVault vault, VolumeId volume, string instant)
    {
        await lab.Storage.Snapshots.TakeAsync(instant, [volume], default);
        await using var run = await BackupWriter.StartAsync(vault, "backup", null, default);
        var export = new TrackedExport(run, lab.Storage, Options, new Random(1));
        await using var plan = await export.PlanAsync([new("disk", volume, instant, null, null)], default);
        return await run.PublishAsync("server", PointType.Full, null, [await export.ExportAsync(plan.Volumes[0], null, default)], default);
    }

    Task<VolumeId> NewImageAsync() => lab.NewImageAsync(LengthBytes, "layering,exclusive-lock,object-map,fast-diff",
        "--object-size", ObjectBytes.ToString(CultureInfo.InvariantCulture) + "B");

    static async Task<BackupVault> NewVaultAsync()
    {
        using var unlock = VaultUnlock.WithKey(new byte[32]);
        return await BackupVault.CreateAsync(new MemoryStore(), unlock, ChunkBytes, new() { BeatInterval = null }, default);
    }
}
