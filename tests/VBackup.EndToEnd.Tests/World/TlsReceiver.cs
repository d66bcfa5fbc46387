using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A server on this machine that speaks TLS: as much of HTTP, or of mail, as whoever sends a notification needs.</summary>
internal sealed class TlsReceiver : IAsyncDisposable
{
    const string Length = "Content-Length:";

    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentBag<Task> _connections = [];
    readonly X509Certificate2 _certificate;
    readonly Task _accepting;

    TlsReceiver(X509Certificate2 certificate, Func<TcpClient, Task> serve)
    {
        _certificate = certificate;
        _listener.Start();
        _accepting = AcceptAsync(serve);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What came over TLS: bodies of requests, texts of mails.</summary>
    public ConcurrentQueue<string> Received { get; } = new();

    public static TlsReceiver OfRequests(X509Certificate2 certificate)
    {
        TlsReceiver? made = null;
        return made = new(certificate, client => made!.ServeRequestAsync(client));
    }

    /// <param name="startsPlain">TLS is begun when it is asked for (RFC 3207), and not with the first byte.</param>
    public static TlsReceiver OfMails(X509Certificate2 certificate, bool startsPlain)
    {
        TlsReceiver? made = null;
        return made = new(certificate, client => made!.ServeMailAsync(client, startsPlain));
    }

    async Task AcceptAsync(Func<TcpClient, Task> serve)
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _connections.Add(ServeAsync(client, serve));
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    static async Task ServeAsync(TcpClient client, Func<TcpClient, Task> serve)
    {
        using var owned = client;
        try
        {
            await serve(client);
        }
        catch (Exception gone) when (gone is IOException or AuthenticationException)
        {
            // Who does not trust the certificate goes away.
            return;
        }
    }

    async Task<SslStream> SecureAsync(TcpClient client)
    {
        var secure = new SslStream(client.GetStream());
        await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
        return secure;
    }

    async Task ServeRequestAsync(TcpClient client)
    {
        await using var secure = await SecureAsync(client);
        using var reader = new StreamReader(secure, Encoding.Latin1, leaveOpen: true);
        // By TLS 1.3 it is agreed for this side before the other has looked at the certificate, and maybe goes away.
        if (await reader.ReadLineAsync(_stop.Token) is null) return;
        var length = 0;
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } line)
            if (line.StartsWith(Length, StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line[Length.Length..], CultureInfo.InvariantCulture);
        var body = new char[length];
        await reader.ReadBlockAsync(body, _stop.Token);
        Received.Enqueue(new(body));
        await secure.WriteAsync("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"u8.ToArray(), _stop.Token);
    }

    async Task ServeMailAsync(TcpClient client, bool startsPlain)
    {
        if (startsPlain) await AskForTlsAsync(client.GetStream());
        await using var secure = await SecureAsync(client);
        using var reader = new StreamReader(secure, Encoding.Latin1, leaveOpen: true);
        if (!startsPlain) await SayAsync(secure, "220 receiver ESMTP");
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            switch (line.Split(' ', ':')[0].ToUpperInvariant())
            {
                case "QUIT":
                    await SayAsync(secure, "221 bye");
                    return;
                case "DATA":
                    await SayAsync(secure, "354 go on");
                    Received.Enqueue(await ReadTextAsync(reader));
                    break;
            }
            await SayAsync(secure, "250 receiver");
        }
    }

    // Byte by byte: what comes behind the request for TLS is not text any more.
    async Task AskForTlsAsync(NetworkStream plain)
    {
        await SayAsync(plain, "220 receiver ESMTP");
        var line = new StringBuilder();
        var one = new byte[1];
        while (await plain.ReadAsync(one, _stop.Token) == 1)
        {
            if (one[0] != '\n')
            {
                line.Append((char)one[0]);
                continue;
            }
            var isAsked = line.ToString().StartsWith("STARTTLS", StringComparison.OrdinalIgnoreCase);
            line.Clear();
            await SayAsync(plain, isAsked ? "220 go on" : "250-receiver\r\n250 STARTTLS");
            if (isAsked) return;
        }
        throw new IOException("the client went away");
    }

    Task SayAsync(Stream stream, string line) => stream.WriteAsync(Encoding.Latin1.GetBytes(line + "\r\n"), _stop.Token).AsTask();

    async Task<string> ReadTextAsync(StreamReader reader)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(_stop.Token) is { } line and not ".") text.Append(line).Append('\n');
        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        await Task.WhenAll(_connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _certificate.Dispose();
    }
}
