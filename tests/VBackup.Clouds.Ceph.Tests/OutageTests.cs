using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
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

    /// <summary>The call that had no answer in time makes its volume when the disk answers, and knows that it is its own.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("run_7")]
    public async Task A_volume_that_is_made_after_its_time_is_removed_again(string? claim)
    {
        // So the library waits on, when nobody waits for it.
        await using var storage = new CephStorage(Cluster.Settings with { OperationTimeout = Patience,
            CallTimeout = TimeSpan.FromSeconds(5) });
        await storage.CreateAsync(Volume, LengthBytes, default);
        await Cluster.StopDiskAsync();
        await Reading.FailsAsync(CloudFailure.TimedOut, () => storage.CreateAsync(new("rbd/late"), LengthBytes, claim, default));
        await Cluster.LetDiskGoOnAsync();
        // Waits for that call; where the volume was left, there would be one already.
        await EventuallyAsync(async () =>
        {
            await storage.CreateAsync(new("rbd/late"), LengthBytes, claim, default);
            return true;
        });
        Assert.Equal(claim, await storage.FindClaimAsync(new("rbd/late"), default));
    }

    [Fact]
    public async Task A_disk_that_does_not_answer_is_named_while_it_is_waited_for()
    {
        ConcurrentQueue<string> said = [];
        await using var storage = new CephStorage(Cluster.Settings with { OperationTimeout = TimeSpan.FromSeconds(6),
            CallTimeout = TimeSpan.FromSeconds(12), WaitingAfter = TimeSpan.FromSeconds(1), OnWaiting = said.Enqueue });
        await storage.CreateAsync(Volume, LengthBytes, default);
        var reader = await storage.OpenReaderAsync(Volume, default);
        Assert.Empty(said);
        await Cluster.StopDiskAsync();
        await Reading.FailsAsync(CloudFailure.TimedOut, () => reader.ReadAsync(0, new byte[1], default).AsTask());
        var line = Assert.Single(said);
        foreach (var word in (string[])[Volume.Value, "rbd_aio_read", "osd.0 of the pool rbd", "6 s"])
            Assert.Contains(word, line, StringComparison.Ordinal);
        await Reading.FailsAsync(CloudFailure.TimedOut, () => storage.OpenReaderAsync(Volume, default));
        Assert.Contains(said, other => other.StartsWith($"{Volume}: open", StringComparison.Ordinal)
            && other.Contains("osd.0 of the pool rbd", StringComparison.Ordinal));
        foreach (var call in (Func<Task>[])[() => storage.Snapshots.TakeAsync("instant", [Volume], default),
            () => storage.Snapshots.RemoveAsync("instant", [Volume], default)])
            Assert.Contains("no answer from osd.0 of the pool rbd", (await Reading.FailsAsync(CloudFailure.TimedOut, call)).Message,
                StringComparison.Ordinal);
        Assert.DoesNotContain(said, other => other.Contains("the cluster", StringComparison.Ordinal));
        await Cluster.LetDiskGoOnAsync();
        await EventuallyAsync(async () => await storage.FindLengthAsync(Volume, default) == LengthBytes);
        await reader.DisposeAsync();
    }

    [Fact]
    public async Task Monitors_that_do_not_answer_are_named_within_seconds()
    {
        CephLab.Skip();
        // A port that nobody listens at, as long as it is held.
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var file = Path.GetTempFileName();
        var address = $"v2:{nobody.LocalEndPoint}/0";
        await File.WriteAllTextAsync(file, $"[global]\nmon host = {address}\nkeyring = {file}\n");
        ConcurrentQueue<string> said = [];
        await using var storage = new CephStorage(new() { ConfigurationFile = file, ConnectTimeout = TimeSpan.FromSeconds(4),
            CallTimeout = TimeSpan.FromSeconds(2), WaitingAfter = TimeSpan.FromSeconds(1), OnWaiting = said.Enqueue });
        var start = TimeProvider.System.GetTimestamp();
        var failure = await Reading.FailsAsync(CloudFailure.TimedOut, () => storage.FindLengthAsync(Volume, default));
        // What is told is how long it took.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(7));
        foreach (var word in (string[])[address, file, "network", "mon_host", "4 s"])
            Assert.Contains(word, failure.Message, StringComparison.Ordinal);
        Assert.Contains("no answer from the monitors", Assert.Single(said), StringComparison.Ordinal);
        File.Delete(file);
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
