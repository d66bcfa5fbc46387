using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace VBackup.Clouds.Lab;

/// <summary>
/// What the hypervisor and a guest's agent say to each other: over a Unix socket, one command a connection, each a line. The
/// answer is a number, or <c>error</c> and a reason.
/// </summary>
internal sealed class LabAgent : IAsyncDisposable
{
    /// <summary>Hold still. Answers how many volumes do.</summary>
    public const string Freeze = "freeze";

    /// <summary>Answers how many volumes are held still.</summary>
    public const string Status = "status";

    /// <summary>Go on. Answers how many volumes were held still.</summary>
    public const string Thaw = "thaw";

    /// <summary>End. Answers before it does.</summary>
    public const string Stop = "stop";

    // Of a Unix socket's path, the zero behind it not counted.
    private const int PathLengthMax = 107;
    private const int LineLengthMax = 1024;

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Func<string, CancellationToken, Task<int>> _answer;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _serving;

    private LabAgent(string path, Socket listener, Func<string, CancellationToken, Task<int>> answer)
    {
        _path = path;
        _listener = listener;
        _answer = answer;
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>Listens for commands to a server's guest. One guest a server: a dead one's socket is replaced.</summary>
    /// <param name="answer">Carries a command out. What it throws is told to who asked.</param>
    public static LabAgent Listen(LabFolder folder, string server, Func<string, CancellationToken, Task<int>> answer)
    {
        var path = folder.AgentSocket(server);
        if (Encoding.UTF8.GetByteCount(path) > PathLengthMax)
            throw new CloudException(
                CloudFailure.NotSupported, "listen", server,
                $"{path} is longer than the {PathLengthMax} bytes of a socket's path: move the lab cloud up");
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen();
            return new(path, listener, answer);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <returns>Null when no guest listens.</returns>
    /// <exception cref="CloudException">It answered that it could not, or did not answer in time.</exception>
    public static async Task<int?> AskAsync(LabFolder folder, string server, string command, CancellationToken cancellation)
    {
        var path = folder.AgentSocket(server);
        using var limit = new CancellationTokenSource(folder.AgentTimeLimit, folder.Clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (!await TryConnectAsync(socket, path, both.Token).ConfigureAwait(false)) return null;
            await SendAsync(socket, command, both.Token).ConfigureAwait(false);
            var answer = await ReceiveAsync(socket, both.Token).ConfigureAwait(false);
            return int.TryParse(answer, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                ? count
                : throw new CloudException(
                    CloudFailure.Other, command, server, answer.Length == 0 ? "the guest ended" : answer);
        }
        catch (SocketException lost)
        {
            throw new CloudException(CloudFailure.Other, command, server, "the guest ended", lost);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CloudException(
                CloudFailure.TimedOut, command, server,
                $"the guest's agent did not answer within {folder.AgentTimeLimit.TotalSeconds} s");
        }
    }

    // Without a listener there is no socket, or one that a guest left when it was killed.
    private static async Task<bool> TryConnectAsync(Socket socket, string path, CancellationToken cancellation)
    {
        if (!File.Exists(path)) return false;
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (SocketException nobody) when (nobody.SocketErrorCode == SocketError.ConnectionRefused || !File.Exists(path))
        {
            return false;
        }
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var caller = await _listener.AcceptAsync(_closing.Token).ConfigureAwait(false);
                await AnswerAsync(caller).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Closed: nobody asks any more.
            return;
        }
    }

    private async Task AnswerAsync(Socket caller)
    {
        try
        {
            var command = await ReceiveAsync(caller, _closing.Token).ConfigureAwait(false);
            string answer;
            try
            {
                answer = (await _answer(command, _closing.Token).ConfigureAwait(false)).ToString(CultureInfo.InvariantCulture);
            }
            catch (Exception failure) when (failure is IOException or ArgumentException)
            {
                answer = "error " + failure.Message.ReplaceLineEndings(" ");
            }
            await SendAsync(caller, answer, _closing.Token).ConfigureAwait(false);
        }
        catch (SocketException)
        {
            // The caller went away without its answer. The next one is served.
            return;
        }
    }

    private static async Task SendAsync(Socket socket, string line, CancellationToken cancellation)
    {
        ReadOnlyMemory<byte> left = Encoding.UTF8.GetBytes(line + "\n");
        while (!left.IsEmpty) left = left[await socket.SendAsync(left, cancellation).ConfigureAwait(false)..];
    }

    private static async Task<string> ReceiveAsync(Socket socket, CancellationToken cancellation)
    {
        var buffer = new byte[LineLengthMax];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false);
            if (read == 0) break;
            length += read;
            if (buffer[length - 1] == '\n') break;
        }
        return Encoding.UTF8.GetString(buffer, 0, length).TrimEnd('\n');
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _serving.ConfigureAwait(false);
        _listener.Dispose();
        _closing.Dispose();
        File.Delete(_path);
    }
}
