using System.Net;
using System.Net.Http;
using System.Net.Sockets;

namespace VBackup.Primitives;

/// <summary>
/// Connects to no address that is forbidden. The very address that was looked at is connected to, whatever the name means a moment later.
/// </summary>
public static class GuardedConnecting
{
    /// <param name="fault">Why an address may not be connected to; null when it may.</param>
    /// <exception cref="ForbiddenAddressException">The host has no other address.</exception>
    public static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, Func<IPAddress, string?> fault, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(fault);
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        IPAddress[] found = IPAddress.TryParse(host, out var literal) ? [literal]
            : await Dns.GetHostAddressesAsync(host, cancellation).ConfigureAwait(false);
        IPAddress[] allowed = [.. found.Where(address => fault(address) is null)];
        if (allowed.Length == 0 && found.Length > 0) throw new ForbiddenAddressException(fault(found[0])!);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, port, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>The host has only addresses that may not be connected to.</summary>
public sealed class ForbiddenAddressException(string message) : Exception(message);
