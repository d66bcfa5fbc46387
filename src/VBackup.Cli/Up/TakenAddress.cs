using System.Net.Sockets;
using VBackup.Cli.Up.Settings;
using VBackup.Primitives;

namespace VBackup.Cli.Up;

/// <summary>Where the system is to listen, held before anything is made: a start that cannot listen leaves nothing behind.</summary>
sealed class TakenAddress : IDisposable
{
    TakenAddress(Socket socket) => Socket = socket;

    /// <summary>Those who call meanwhile wait until they are answered.</summary>
    public Socket Socket { get; }

    /// <exception cref="RefusedException">Another program has it, or it is none that can be listened at.</exception>
    public static TakenAddress Take(UpSettings settings)
    {
        var endpoint = settings.Endpoint();
        Socket? socket = null;
        try
        {
            socket = new(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(endpoint);
            // Two that start at once may both bind; only one of them listens.
            socket.Listen();
            return new(socket);
        }
        catch (SocketException failure)
        {
            socket?.Dispose();
            var reason = failure.SocketErrorCode == SocketError.AddressAlreadyInUse ? "is in use by another program"
                : $"cannot be listened at ({failure.Message})";
            throw new RefusedException($"Listen: {settings.Listen} {reason}: name another with --listen ADDRESS:PORT");
        }
    }

    public void Dispose() => Socket.Dispose();
}
