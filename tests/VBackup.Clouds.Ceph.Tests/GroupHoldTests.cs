using System.Text.Json;
using VBackup.Clouds.Ceph.Snapshots;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>A group that is prepared and has no snapshot yet looks like one that somebody left. Two clients, step by step.</summary>
public sealed class GroupHoldTests(CephLab lab) : IAsyncLifetime
{
    const int LengthBytes = 8 << 20;
    readonly CephStorage other = new(CephLab.Settings);

    IVolumeSnapshots Snapshots => lab.Storage.Snapshots;

    public ValueTask InitializeAsync()
    {
        // Whoever is held up says so at once.
        other.CephSnapshots.Patience = TimeSpan.Zero;
        return ValueTask.CompletedTask;
    }

    Task<VolumeId[]> NewVolumesAsync(int count) => Task.WhenAll(Enumerable.Range(0, count).Select(_ => lab.NewVolumeAsync(LengthBytes)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_group_that_is_prepared_stays_when_another_removes_instants_of_its_volumes(bool isOfBoth)
    {
        var volumes = await NewVolumesAsync(2);
        var older = isOfBoth ? volumes : volumes[1..];
        await Snapshots.TakeAsync("older", older, default);
        var prepared = await Snapshots.PrepareAsync("fresh", volumes, default);
        await other.Snapshots.RemoveAsync("older", older, default);
        await prepared.TakeAsync(default);
        Assert.True((await prepared.FinishAsync(default)).IsComplete);
        await AssertNobodyHoldsAsync(volumes);
        await other.Snapshots.RemoveAsync("fresh", volumes, default);
        foreach (var volume in volumes)
            Assert.DoesNotContain("group: ", await CephLab.RbdAsync("info", volume.Value), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_group_that_is_prepared_stays_when_another_takes_one_of_its_volumes_with_others()
    {
        var volumes = await NewVolumesAsync(3);
        var prepared = await Snapshots.PrepareAsync("fresh", volumes[..2], default);
        var refusal = await Reading.FailsAsync(CloudFailure.InUse, () => other.Snapshots.TakeAsync("others", volumes[1..], default));
        Assert.Contains("is being taken by somebody else", refusal.Message, StringComparison.Ordinal);
        await prepared.TakeAsync(default);
        Assert.True((await prepared.FinishAsync(default)).IsComplete);
        await Snapshots.RemoveAsync("fresh", volumes, default);
        Assert.True((await other.Snapshots.TakeAsync("others", volumes[1..], default)).IsComplete);
        await AssertNobodyHoldsAsync(volumes);
    }

    [Fact]
    public async Task Nobody_prepares_with_a_group_that_another_is_about_to_remove()
    {
        var volumes = await NewVolumesAsync(2);
        // As one who died leaves it.
        _ = await Snapshots.PrepareAsync("left-over", volumes, default);
        foreach (var volume in volumes) await BreakHoldAsync(volume);
        await using var remover = new CephStorage(CephLab.Settings);
        using var meeting = new Barrier(2);
        var steps = 0;
        remover.CephSnapshots.BeforeStep = step =>
        {
            if (!step.StartsWith("remove the group vb.", StringComparison.Ordinal)) return;
            steps++;
            meeting.SignalAndWait();
            meeting.SignalAndWait();
        };
        var removing = Task.Run(() => remover.Snapshots.RemoveAsync("left-over", volumes, default));
        meeting.SignalAndWait();
        await Reading.FailsAsync(CloudFailure.InUse, () => other.Snapshots.PrepareAsync("fresh", volumes, default));
        meeting.SignalAndWait();
        await removing;
        Assert.Equal(1, steps);
        Assert.True((await other.Snapshots.TakeAsync("fresh", volumes, default)).IsComplete);
    }

    [Fact]
    public async Task What_was_taken_by_one_who_lost_the_hold_is_not_called_good()
    {
        var volumes = await NewVolumesAsync(2);
        var prepared = await Snapshots.PrepareAsync("late-1", volumes, default);
        await BreakHoldAsync(volumes[1]);
        await prepared.TakeAsync(default);
        var refusal = await Reading.FailsAsync(CloudFailure.InUse, () => prepared.FinishAsync(default));
        Assert.Contains("took longer than", refusal.Message, StringComparison.Ordinal);
        await AssertNobodyHoldsAsync(volumes);
        await Snapshots.RemoveAsync("late-1", volumes, default);
        Assert.Empty(await Snapshots.ListAsync(volumes, default));
    }

    [Fact]
    public async Task Two_who_take_the_same_volumes_do_not_hinder_each_other()
    {
        var volumes = await NewVolumesAsync(2);
        var mine = await Snapshots.PrepareAsync("mine-1", volumes, default);
        Assert.True((await other.Snapshots.TakeAsync("theirs", volumes, default)).IsComplete);
        await other.Snapshots.RemoveAsync("theirs", volumes, default);
        await mine.TakeAsync(default);
        Assert.True((await mine.FinishAsync(default)).IsComplete);
    }

    [Fact]
    public async Task What_is_prepared_and_removed_by_the_same_client_is_held_by_nobody()
    {
        var volumes = await NewVolumesAsync(2);
        _ = await Snapshots.PrepareAsync("never", volumes, default);
        await Snapshots.RemoveAsync("never", volumes, default);
        await AssertNobodyHoldsAsync(volumes);
        Assert.True((await other.Snapshots.TakeAsync("others", volumes, default)).IsComplete);
    }

    [Fact]
    public async Task What_one_who_died_had_prepared_is_held_by_nobody_once_another_has_removed_it()
    {
        var volumes = await NewVolumesAsync(2);
        await Snapshots.TakeAsync("older", volumes, default);
        // Of one who does not come back.
        _ = await Snapshots.PrepareAsync("never", volumes, default);
        await other.Snapshots.RemoveAsync("never", volumes, default);
        await AssertNobodyHoldsAsync(volumes);
        await other.Snapshots.RemoveAsync("older", volumes, default);
        // An image that lies in a group is not removed.
        foreach (var volume in volumes) await other.RemoveAsync(volume, default);
    }

    [Fact]
    public async Task Whoever_takes_what_another_removes_does_not_call_it_good()
    {
        var volumes = await NewVolumesAsync(2);
        await Snapshots.TakeAsync("older", volumes, default);
        var prepared = await Snapshots.PrepareAsync("fresh", volumes, default);
        await other.Snapshots.RemoveAsync("fresh", volumes, default);
        await prepared.TakeAsync(default);
        // What was taken before it is gone.
        await Reading.FailsAsync(CloudFailure.Other, () => prepared.FinishAsync(default));
    }

    [Fact]
    public async Task A_volume_alone_needs_no_group_and_is_held_up_by_none()
    {
        var volumes = await NewVolumesAsync(2);
        var prepared = await Snapshots.PrepareAsync("fresh", volumes, default);
        var alone = await other.Snapshots.PrepareAsync("alone", volumes[..1], default);
        await Snapshots.RemoveAsync("nothing", volumes, default);
        await alone.TakeAsync(default);
        Assert.True((await alone.FinishAsync(default)).IsComplete);
        await prepared.TakeAsync(default);
        Assert.True((await prepared.FinishAsync(default)).IsComplete);
    }

    [Fact]
    public void The_hold_is_longer_than_a_guest_may_be_held() => Assert.True(GroupHold.Limit > TimeSpan.FromSeconds(60));

    async Task AssertNobodyHoldsAsync(VolumeId[] volumes)
    {
        foreach (var volume in volumes) Assert.Empty(await HoldersAsync(volume));
    }

    // As when its time is over.
    async Task BreakHoldAsync(VolumeId volume)
    {
        var holder = Assert.Single(await HoldersAsync(volume));
        await CephLab.RadosAsync("lock", "break", await HeaderAsync(volume), "vbackup.group",
            holder.GetProperty("name").GetString()!, "--lock-cookie", holder.GetProperty("cookie").GetString()!);
    }

    async Task<List<JsonElement>> HoldersAsync(VolumeId volume)
    {
        using var answer = JsonDocument.Parse(await CephLab.RadosAsync("lock", "info", await HeaderAsync(volume), "vbackup.group"));
        return [.. answer.RootElement.GetProperty("lockers").EnumerateArray().Select(locker => locker.Clone())];
    }

    async Task<string> HeaderAsync(VolumeId volume) => "rbd_header." + await lab.Storage.FindIdentityAsync(volume, default);

    public ValueTask DisposeAsync() => other.DisposeAsync();
}
