using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace VBackup.Vault.Stores.Tests;

/// <summary>
/// A server on the loopback that answers request after request with what a test has written down, byte for byte, and
/// closes the connection after each: it can be as wrong as no real S3 service lets itself be made.
/// </summary>
sealed class ScriptedServer : IAsyncDisposable
{
    /// <summary>Closes the connection without an answer.</summary>
    public const string HangUp = "";

    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly ConcurrentQueue<string> answers;
    readonly ConcurrentQueue<string[]> requests = new();
    readonly CancellationTokenSource stop = new();
    readonly Task serving;

    public ScriptedServer(params string[] answers)
    {
        this.answers = new(answers);
        listener.Start();
        serving = Task.Run(ServeAsync);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>The first line of every request, as it came.</summary>
    public IReadOnlyList<string> Requests => [.. requests.Select(head => head[0])];

    /// <summary>All lines of every request's head.</summary>
    public IReadOnlyList<string[]> Heads => [.. requests];

    public bool AllAnswersWereGiven => answers.IsEmpty;

    public static string Answer(int status, string body = "", params string[] headers) => string.Create(
        CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status} X\r\n{string.Concat(headers.Select(h => h + "\r\n"))}{(
            headers.Any(h => h.StartsWith("Content-Length", StringComparison.Ordinal)) ? "" : $"Content-Length: {body.Length}\r\n"
        )}Connection: close\r\n\r\n{body}");

    public static string Error(int status, string code, string message = "") => Answer(status,
        $"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>",
        "Content-Type: application/xml");

    async Task ServeAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync(stop.Token);
                await using var stream = client.GetStream();
                if (await ReadRequestAsync(stream) is not { } request)
                    continue;
                requests.Enqueue(request);
                if (!answers.TryDequeue(out string? answer))
                    answer = Answer(418);
                await stream.WriteAsync(Encoding.Latin1.GetBytes(answer), stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
            {
                // The client went away, or the test is over.
            }
        }
    }

    async Task<string[]?> ReadRequestAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, stop.Token) == 0)
                return null;
            head.Append((char)one[0]);
        }
        string[] lines = head.ToString().Split("\r\n");
        string? length = lines.FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        if (length is not null)
        {
            byte[] body = new byte[int.Parse(length.Split(':')[1], CultureInfo.InvariantCulture)];
            await stream.ReadExactlyAsync(body, stop.Token);
        }
        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await serving;
        listener.Dispose();
        stop.Dispose();
    }
}
