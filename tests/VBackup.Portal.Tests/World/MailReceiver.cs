using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VBackup.Portal.Tests.World;

/// <summary>A mail that was taken.</summary>
sealed record ReceivedMail(string From, string To, string Text);

/// <summary>A mail server on this machine: as much of RFC 5321 as whoever sends a mail needs.</summary>
sealed class MailReceiver : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentBag<Task> _connections = [];
    readonly Task _accepting;

    public MailReceiver()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ConcurrentQueue<ReceivedMail> Mails { get; } = new();

    /// <summary>What is answered to who names a recipient.</summary>
    public string ToRecipient { get; set; } = "250 ok";

    /// <summary>What has to be shown, as AUTH PLAIN sends it; null when nothing has.</summary>
    public string? Credentials { get; set; }

    async Task AcceptAsync()
    {
        try
        {
            while (true) _connections.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    async Task ServeAsync(TcpClient client)
    {
        using var owned = client;
        using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
        await using var writer = new StreamWriter(client.GetStream(), Encoding.Latin1) { NewLine = "\r\n", AutoFlush = true };
        await writer.WriteLineAsync("220 receiver.example ESMTP");
        var (from, to, isKnown) = ("", "", Credentials is null);
        while (await reader.ReadLineAsync(_stop.Token) is { } line)
        {
            var word = line.Split(' ', ':')[0].ToUpperInvariant();
            if (word == "QUIT")
            {
                await writer.WriteLineAsync("221 bye");
                return;
            }
            await writer.WriteLineAsync(word switch
            {
                "EHLO" when Credentials is not null => "250-receiver.example\r\n250 AUTH PLAIN",
                "EHLO" or "RSET" => "250 receiver.example",
                "AUTH" => (isKnown = line.Split(' ')[^1] == Credentials) ? "235 ok" : "535 no",
                "MAIL" => isKnown ? Keep(ref from, line, "250 ok") : "530 who are you",
                "RCPT" => Keep(ref to, line, ToRecipient),
                "DATA" => "354 go on",
                _ => "500 what",
            });
            if (word != "DATA") continue;
            Mails.Enqueue(new(from, to, await ReadTextAsync(reader)));
            await writer.WriteLineAsync("250 taken");
        }
    }

    static string Keep(ref string place, string line, string answer)
    {
        place = line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)];
        return answer;
    }

    async Task<string> ReadTextAsync(StreamReader reader)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(_stop.Token) is { } line and not ".")
            text.Append(line.StartsWith('.') ? line[1..] : line).Append('\n');
        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        await Task.WhenAll(_connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
