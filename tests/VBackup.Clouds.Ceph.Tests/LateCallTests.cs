using System.Collections.Concurrent;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>Snapshots that are taken by a call that nobody waits for any more.</summary>
public sealed class LateCallTests(CephLab lab)
{
    const int LengthBytes = 8 << 20;
    static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(1, "snapshot ")]
    [InlineData(2, "snapshot the group")]
    [InlineData(2, "create the group")]
    public async Task One_that_comes_after_the_cancellation_is_removed_by_the_tidying_up(int volumes, string step)
    {
        VolumeId[] made = [.. await Task.WhenAll(Enumerable.Range(0, volumes).Select(_ => lab.NewVolumeAsync(LengthBytes)))];
        await using var storage = new CephStorage(CephLab.Settings, new RingingClock(LastPatience));
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var goesOn = new BlockingCollection<bool>();
        storage.CephSnapshots.BeforeStep = next =>
        {
            if (!next.StartsWith(step, StringComparison.Ordinal) || !begun.TrySetResult()) return;
            goesOn.Take();
        };
        var name = lab.NewName("late");
        using var stop = new CancellationTokenSource();
        var taking = storage.Snapshots.TakeAsync(name, made, stop.Token);
        await begun.Task;
        await stop.CancelAsync();
        await Assert.ThrowsAsync<LeftAloneException>(() => taking);
        var removing = storage.Snapshots.RemoveAsync(name, made, default);
        Assert.False(removing.IsCompleted);
        goesOn.Add(true);
        await removing;
        Assert.Empty(await lab.Storage.Snapshots.ListAsync(made, default));
        foreach (var volume in made)
            Assert.DoesNotContain(name, await CephLab.RbdAsync("snap", "ls", "--all", volume.Value), StringComparison.Ordinal);
        // Nothing of it is in the way of the next.
        await storage.Snapshots.TakeAsync(name, made, default);
        await storage.Snapshots.RemoveAsync(name, made, default);
    }
}
