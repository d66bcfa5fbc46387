using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a backup stores is looked at while it stores it.</summary>
public sealed class QuotaOverrunTests
{
    const int Mebibyte = 1024 * 1024;

    [Theory]
    [InlineData(2 * Mebibyte, RunState.Failed)]
    [InlineData(8 * Mebibyte, RunState.Succeeded)]
    public async Task A_backup_that_stores_more_than_the_quota_allows_ends_and_says_how_much(int quota, RunState expected)
    {
        HeldReadingStorage storage = null!;
        await using var world = await ServiceWorld.MakeAsync(storage: lab => storage = new(lab, new("web-vdb")));
        await world.ChangeLocationAsync(location => location.IsLimited(quota, location.SoftDeleteDays));
        var server = await world.AddServerAsync("web", ("vda", Noise(1, 3 * Mebibyte)), ("vdb", Noise(2, Mebibyte)));
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(1, await world.SnapshotWork.DoDueAsync(default));
        await world.SnapshotsPump.SendDueAsync(default);

        // The first volume is stored, the second is not read yet: then the worker tells how far it is.
        List<WorkProgress> heard = [];
        var worker = world.NewWorker(new HeardAnswers(world.Source, (progress, answer) =>
        {
            heard.Add(progress);
            if (answer is WorkAnswer.GoOn) storage.Release();
        }));
        var working = worker.RunOneAsync(default);
        await storage.Reached;
        world.Clock.Advance(new Service.Work.WorkLimits().Lease / 4);
        Assert.True(await working);
        await world.SettleAsync();

        Assert.InRange(heard[0].StoredBytes, 3 * Mebibyte, 4 * Mebibyte);
        var run = world.Portal.Run(order.Run);
        Assert.Equal(expected, run.State);
        if (expected == RunState.Succeeded) return;
        Assert.Contains($"has stored {heard[0].StoredBytes} bytes", run.Error, StringComparison.Ordinal);
        Assert.Contains($"is {quota} bytes", run.Error, StringComparison.Ordinal);
        Assert.Equal(RestorePointState.Failed, world.Portal.Point(order.Point).State);
        Assert.Empty(await world.SnapshotNamesAsync("web"));
        Assert.Equal(0, world.VaultPoints);
    }

    static byte[] Noise(int seed, int size)
    {
        var bytes = new byte[size];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
