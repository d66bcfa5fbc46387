using VBackup.DataPath;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>A collection that waits for a backup has condemned what that has put so far, since nothing refers to it yet.</summary>
public sealed class WaitingCollectionTests
{
    private static readonly CollectorOptions s_options = new() { SessionTimeout = null, FilterSalt = 1 };
    private readonly byte[] _content = Contents.Mixed(1, 600_000);

    [Fact]
    public async Task One_that_is_stopped_leaves_nothing_condemned_and_the_next_copies_nothing()
    {
        await using var vault = Open();
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var volume = await StoreAsync(vault, run);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Collector.RunAsync(vault.Vault, s_options, new Waiting(stop.Cancel), stop.Token));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Condemnations));
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Collectors));

        var point = await run.PublishAsync("server", PointType.Full, null, [volume], default);
        var next = await vault.CollectAsync();
        Assert.Equal((0, 0), (next.PacksRewritten, next.PacksDeleted));
        Contents.AssertSame(_content, await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task It_says_once_for_whom_it_waits()
    {
        await using var vault = Open();
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        List<WaitedSession> told = [];
        using var stop = new CancellationTokenSource();
        var looks = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Collector.RunAsync(vault.Vault,
            s_options with { OnWaiting = told.AddRange, SessionTimeout = TimeSpan.FromDays(1) },
            new Waiting(() => { if (++looks == 3) stop.Cancel(); }), stop.Token));
        var session = Assert.Single(told);
        Assert.Equal(("backup", Environment.ProcessId), (session.Purpose, session.ProcessId));
        Assert.Contains(await vault.ObjectsAsync(ObjectNames.Sessions), item => item.Name == ObjectNames.Session(session.Session));
    }

    [Fact]
    public async Task What_it_has_to_leave_is_no_waste()
    {
        await using var vault = Open();
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var volume = await StoreAsync(vault, run);
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var collection = Task.Run(() => Collector.RunAsync(vault.Vault, s_options, new Waiting(() => waits.TrySetResult()), default));
        await waits.Task;
        var point = await run.PublishAsync("server", PointType.Full, null, [volume], default);
        var result = await collection;
        Assert.True(result.PackBytes > 0);
        Assert.Equal((0, 0), (result.PacksDeleted, result.WasteBytes));
        Contents.AssertSame(_content, await vault.RestoreAsync(point));
    }

    private static TestVault Open() => TestVault.Over(new MemoryStore(), with: runtime => runtime with { PollInterval = TimeSpan.Zero });

    private async Task<VolumeDocument> StoreAsync(TestVault vault, BackupWriter run)
    {
        var volume = await new ExportPipeline(run, vault.Options)
            .ExportAsync(new("disk", new MemoryVolume(_content), null, null), null, default);
        await run.FlushAsync(default);
        return volume;
    }

    private sealed class Waiting(Action then) : IProgress<string>
    {
        public void Report(string value)
        {
            if (value.StartsWith("waiting", StringComparison.Ordinal)) then();
        }
    }
}
