using VBackup.Contracts.Messages;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A window that closes ends what has not ended, and leaves nothing of it behind.</summary>
public sealed class ClosedWindowTests
{
    [Fact]
    public async Task A_backup_that_is_still_going_on_when_its_window_closes_is_ended_and_the_next_one_is_whole()
    {
        HeldReadingStorage storage = null!;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => storage = new(lab, new("web-vdb")));
        var server = await world.AddServerAsync("web", ("vda", Noise(1)), ("vdb", Noise(2)));
        var order = await world.OrderBackupAsync(server, PointKind.Full, stopBy: world.Clock.GetUtcNow() + TimeSpan.FromSeconds(1));
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(1, await world.SnapshotWork.DoDueAsync(default));
        await world.SnapshotsPump.SendDueAsync(default);
        // The first volume is stored, the second is not read yet.
        var working = world.NewWorker().RunOneAsync(default);
        await storage.Reached;
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        await world.Clockwork.TurnAsync(default);
        // The worker hears of it when it tells how far it is.
        world.Clock.Advance(new Service.Work.WorkLimits().Lease / 4);
        Assert.True(await working);
        await world.SettleAsync();
        var run = world.Portal.Run(order.Run);
        Assert.Equal((RunState.WindowClosed, "the policy's window closed before it was done"), (run.State, run.Error));
        Assert.Equal(RestorePointState.Failed, world.Portal.Point(order.Point).State);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
        Assert.Equal(0, world.VaultPoints);

        storage.Release();
        var next = await world.OrderBackupAsync(server, stopBy: world.Clock.GetUtcNow() + TimeSpan.FromHours(1));
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(next.Run).State);
        Assert.Equal(1, world.VaultPoints);
    }

    static byte[] Noise(int seed)
    {
        var bytes = new byte[1 << 20];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
