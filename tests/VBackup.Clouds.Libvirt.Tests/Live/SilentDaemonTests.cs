using System.Net.Sockets;
using System.Runtime.InteropServices;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

/// <summary>A libvirtd that accepts and then says nothing, at once or some time later.</summary>
public sealed class SilentDaemonTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("vbackup-silent-").FullName;
    readonly CancellationToken none = CancellationToken.None;

    public SilentDaemonTests() => Assert.SkipUnless(
        NativeLibrary.TryLoad("libvirt.so.0", out _), "needs libvirt's library: install the package libvirt0");

    string SocketPath => Path.Combine(folder, "s");

    LibvirtHypervisor Connect(TimeSpan limit) => new(
        new LibvirtSettings($"qemu+unix:///system?socket={SocketPath}") { CallLimit = limit }, TimeProvider.System);

    [Fact]
    public async Task A_daemon_that_never_answers_is_a_time_out()
    {
        using var listener = Listen();
        await using var hypervisor = Connect(TimeSpan.FromMilliseconds(300));
        var started = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 3; i++)
        {
            var failure = await Assert.ThrowsAsync<CloudException>(() => hypervisor.ListAsync(none));
            Assert.Equal(CloudFailure.TimedOut, failure.Failure);
            Assert.Contains(SocketPath, failure.Message, StringComparison.Ordinal);
        }
        Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Calls_that_hang_do_not_pile_up_for_ever()
    {
        using var listener = Listen();
        await using var hypervisor = Connect(TimeSpan.FromMilliseconds(20));
        for (var i = 0; i < Native.LibvirtConnection.CallsMax; i++)
            await Assert.ThrowsAsync<CloudException>(() => hypervisor.ListAsync(none));
        var refused = await Assert.ThrowsAsync<CloudException>(() => hypervisor.ListAsync(none));
        Assert.Equal(CloudFailure.TimedOut, refused.Failure);
        Assert.Contains("still wait", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_is_not_there_is_an_error_at_once()
    {
        await using var hypervisor = Connect(TimeSpan.FromSeconds(30));
        var failure = await Assert.ThrowsAsync<CloudException>(() => hypervisor.ListAsync(none));
        Assert.NotEqual(CloudFailure.TimedOut, failure.Failure);
        Assert.Contains(SocketPath, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_let_go_at_once()
    {
        using var listener = Listen();
        await using var hypervisor = Connect(TimeSpan.FromMinutes(10));
        using var cancellation = new CancellationTokenSource();
        var listing = hypervisor.ListAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => listing);
    }

    [Fact]
    public async Task A_daemon_that_falls_silent_and_comes_back_is_talked_to_again()
    {
        LiveServer.SkipWithoutLab();
        await using var between = new MutableProxy(SocketPath, LiveServer.Uri.Split("socket=")[1]);
        await using var hypervisor = Connect(TimeSpan.FromSeconds(2));
        Assert.NotEmpty(await hypervisor.ListAsync(none));
        between.IsSilent = true;
        var failure = await Assert.ThrowsAsync<CloudException>(() => hypervisor.ListAsync(none));
        Assert.Equal(CloudFailure.TimedOut, failure.Failure);
        between.IsSilent = false;
        Assert.NotEmpty(await hypervisor.ListAsync(none));
    }

    [Fact]
    public async Task A_connection_that_was_cut_is_made_again()
    {
        LiveServer.SkipWithoutLab();
        await using var between = new MutableProxy(SocketPath, LiveServer.Uri.Split("socket=")[1]);
        await using var hypervisor = Connect(TimeSpan.FromSeconds(5));
        Assert.NotEmpty(await hypervisor.ListAsync(none));
        between.CutAll();
        // The library notices a moment later; until then a call may fail, but none hangs.
        await LiveServer.UntilAsync(TimeSpan.FromSeconds(10), "it connects again", async () =>
        {
            try
            {
                return (await hypervisor.ListAsync(none)).Count > 0;
            }
            catch (CloudException)
            {
                return false;
            }
        });
    }

    Socket Listen()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen(100);
        return listener;
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>Passes bytes on, or swallows them. What was swallowed never arrives: that connection stays
    /// silent.</summary>
    sealed class MutableProxy : IAsyncDisposable
    {
        readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        readonly List<Socket> open = [];
        readonly Task accepting;
        readonly string target;

        public MutableProxy(string path, string target)
        {
            this.target = target;
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(100);
            accepting = AcceptAsync();
        }

        public bool IsSilent { get; set; }

        public void CutAll()
        {
            lock (open)
            {
                foreach (var socket in open) socket.Dispose();
                open.Clear();
            }
        }

        async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    var client = await listener.AcceptAsync();
                    var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await server.ConnectAsync(new UnixDomainSocketEndPoint(target));
                    lock (open) open.AddRange([client, server]);
                    _ = PassOnAsync(client, server);
                    _ = PassOnAsync(server, client);
                }
            }
            catch (Exception end) when (end is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        async Task PassOnAsync(Socket from, Socket to)
        {
            var buffer = new byte[64 * 1024];
            try
            {
                while (await from.ReceiveAsync(buffer) is > 0 and var count)
                    if (!IsSilent) await to.SendAsync(buffer.AsMemory(0, count));
            }
            catch (Exception end) when (end is SocketException or ObjectDisposedException)
            {
                // One side has gone; so does the other.
            }
            from.Dispose();
            to.Dispose();
        }

        public async ValueTask DisposeAsync()
        {
            listener.Dispose();
            CutAll();
            await accepting;
        }
    }
}
