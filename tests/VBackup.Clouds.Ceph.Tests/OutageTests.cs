using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

public sealed class OutageTests : IAsyncLifetime
{
    const int LengthBytes = 8 << 20;
    static readonly VolumeId Volume = new("rbd/volume");
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    PrivateCluster? cluster;

    public async ValueTask InitializeAsync()
    {
        if (!string.IsNullOrEmpty(CephLab.Settings.ConfigurationFile)) cluster = await PrivateCluster.StartAsync();
    }

    PrivateCluster Cluster
    {
        get
        {
            CephLab.Skip();
            return cluster!;
        }
    }

    [Fact]
    public async Task A_disk_that_does_not_answer_is_a_timeout_and_not_a_hang()
    {
        await using var storage = new CephStorage(Cluster.Settings);
        await storage.CreateAsync(Volume, LengthBytes, default);
        var reader = await storage.OpenReaderAsync(Volume, default);
        var writer = await storage.OpenWriterAsync(Volume, new(), default);
        await writer.WriteAsync(0, new byte[] { 1 }, default);
        await Cluster.StopDiskAsync();
        await TimesOutAsync(() => reader.ReadAsync(0, new byte[LengthBytes], default).AsTask());
        await TimesOutAsync(() => writer.WriteAsync(0, new byte[] { 2 }, default).AsTask());
        await TimesOutAsync(() => writer.ZeroAsync(new(0, LengthBytes), default).AsTask());
        await TimesOutAsync(() => storage.FindLengthAsync(Volume, default));
        await TimesOutAsync(() => storage.OpenReaderAsync(Volume, default));
        await TimesOutAsync(() => storage.OpenWriterAsync(Volume, new(), default));
        await TimesOutAsync(() => storage.CreateAsync(new("rbd/other"), LengthBytes, default));
        await TimesOutAsync(() => storage.Snapshots.TakeAsync("instant", [Volume], default));
        await TimesOutAsync(() => storage.Snapshots.ListAsync([Volume], default));
        await Cluster.LetDiskGoOnAsync();
        await EventuallyAsync(async () => await storage.FindLengthAsync(Volume, default) == LengthBytes);
        var content = new byte[1];
        await EventuallyAsync(async () =>
        {
            await reader.ReadAsync(0, content, default);
            return true;
        });
        await writer.DisposeAsync();
        await reader.DisposeAsync();
    }

    [Fact]
    public async Task A_writer_that_slept_changes_nothing_after_another_took_over()
    {
        await using var storage = new CephStorage(Cluster.Settings with { OperationTimeout = TimeSpan.FromSeconds(15),
            CallTimeout = Patience });
        await storage.CreateAsync(Volume, LengthBytes, default);
        using var sleeper = Cluster.StartWriting(Volume.Value);
        try
        {
            await EventuallyAsync(async () => (await storage.AllAsync(Volume)).AsSpan().ContainsAnyExcept((byte)0));
            await PrivateCluster.SignalAsync("-STOP", sleeper.Id);
            // For some seconds it still counts as alive. Without taking over, its lock is respected even then.
            await EventuallyAsync(async () => (await Assert.ThrowsAsync<CloudException>(
                () => storage.OpenWriterAsync(Volume, new(), default))).Message.Contains("lock", StringComparison.Ordinal));
            var expected = new Random(31).RandomBytes(LengthBytes);
            await using (var writer = await storage.OpenWriterAsync(Volume, new() { TakesOver = true }, default))
            {
                await writer.WriteAsync(0, expected, default);
                await writer.FlushAsync(default);
                await PrivateCluster.SignalAsync("-CONT", sleeper.Id);
                await sleeper.WaitForExitAsync().WaitAsync(Patience);
                Assert.NotEqual(0, sleeper.ExitCode);
            }
            Assert.Equal(expected, await storage.AllAsync(Volume));
        }
        finally
        {
            if (!sleeper.HasExited) sleeper.Kill();
        }
    }

    static async Task TimesOutAsync(Func<Task> action)
    {
        var start = TimeProvider.System.GetTimestamp();
        await Reading.FailsAsync(CloudFailure.TimedOut, action);
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    /// <summary>Asks until it is so; failures of the storage count as not yet.</summary>
    static async Task EventuallyAsync(Func<Task<bool>> isSo)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                if (await isSo()) return;
            }
            catch (CloudException e) when (TimeProvider.System.GetElapsedTime(start) < Patience)
            {
                TestContext.Current.SendDiagnosticMessage(e.Message);
            }
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, "it did not become so");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (cluster is not null) await cluster.DisposeAsync();
    }
}
