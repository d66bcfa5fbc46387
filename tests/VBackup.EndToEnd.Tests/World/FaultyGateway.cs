using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>Stands between a program and its S3, and passes on what both say, or is slow, or answers 503 in its place.</summary>
internal sealed class FaultyGateway : IAsyncDisposable
{
    const int PieceBytes = 16 * 1024;

    static readonly byte[] s_slowDown =
        "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray();

    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly Uri _target;
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentDictionary<TcpClient, Task> _open = new();
    readonly Task _accepting;
    volatile int _bytesPerSecond;
    int _refusals;
    long _slowBytes;

    public FaultyGateway(string target)
    {
        _target = new(target);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Endpoint => $"http://{_listener.LocalEndpoint}";

    /// <summary>Bytes that were passed on slowly.</summary>
    public long SlowBytes => Interlocked.Read(ref _slowBytes);

    /// <summary>Requests that are still to be refused.</summary>
    public int RefusalsLeft => Math.Max(0, Volatile.Read(ref _refusals));

    /// <summary>From now on, each direction of each connection moves so fast.</summary>
    public void SlowDown(int bytesPerSecond) => _bytesPerSecond = bytesPerSecond;

    /// <summary>Breaks off what is under way, and answers the next requests with 503.</summary>
    public void RefuseNext(int requests)
    {
        Volatile.Write(ref _refusals, requests);
        foreach (var client in _open.Keys) client.Close();
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _open[client] = ServeAsync(client);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The test is over.
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        await Task.Yield();
        try
        {
            using (client)
            {
                if (Interlocked.Decrement(ref _refusals) >= 0)
                {
                    await client.GetStream().ReadAtLeastAsync(new byte[PieceBytes], 1, throwOnEndOfStream: false, _stop.Token);
                    await client.GetStream().WriteAsync(s_slowDown, _stop.Token);
                    return;
                }
                using var server = new TcpClient();
                await server.ConnectAsync(_target.Host, _target.Port, _stop.Token);
                await Task.WhenAny(PassOnAsync(client, server), PassOnAsync(server, client));
                client.Close();
                server.Close();
            }
        }
        catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One of the two is gone, as planned or by itself; whoever is left notices.
        }
        finally
        {
            _open.TryRemove(client, out _);
        }
    }

    async Task PassOnAsync(TcpClient from, TcpClient to)
    {
        var piece = new byte[PieceBytes];
        try
        {
            while (await from.GetStream().ReadAsync(piece, _stop.Token) is > 0 and var count)
            {
                await to.GetStream().WriteAsync(piece.AsMemory(0, count), _stop.Token);
                if (_bytesPerSecond is not (> 0 and var rate)) continue;
                Interlocked.Add(ref _slowBytes, count);
                await Task.Delay(TimeSpan.FromSeconds((double)count / rate), TimeProvider.System, _stop.Token);
            }
        }
        catch (Exception broken) when (broken is IOException or SocketException or ObjectDisposedException or InvalidOperationException
            or OperationCanceledException)
        {
            // As above.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_open.Values);
        _stop.Dispose();
    }
}
