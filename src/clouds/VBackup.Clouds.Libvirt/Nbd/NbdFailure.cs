using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace VBackup.Clouds.Libvirt.Nbd;

/// <summary>Turns what a server and the socket to it say into what a cloud says.</summary>
/// <param name="Subject">What a user calls the volume.</param>
internal readonly record struct NbdFailure(string Subject)
{
    private const int NotPermitted = 1, NoSpace = 28, NotSupported = 95, ShuttingDown = 108;

    public CloudException Protocol(string operation, string reason) =>
        new(CloudFailure.Other, operation, Subject, $"the NBD server does not keep to the protocol: {reason}");

    public CloudException Lost(string operation, Exception? cause) =>
        cause is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock }
        ? new(CloudFailure.TimedOut, operation, Subject, "the NBD server does not answer", cause)
        : new(CloudFailure.Other, operation, Subject,
            $"the connection to the NBD server ended{(cause is null ? "" : $": {cause.Message}")}; was the server shut down, or the "
                + "backup job ended?", cause);

    /// <param name="error">The protocol's number of the error, which is Linux's.</param>
    public CloudException Refused(string operation, uint error, string? message) => new(
        error switch
        {
            NotPermitted => CloudFailure.NotAllowed,
            NoSpace => CloudFailure.Full,
            NotSupported => CloudFailure.NotSupported,
            _ => CloudFailure.Other,
        },
        operation, Subject,
        (error == ShuttingDown ? "the NBD server is shutting down" : $"the NBD server failed with error {error}")
            + (string.IsNullOrEmpty(message) ? "" : $": {message}"));

    /// <param name="payload">Of an error chunk.</param>
    public CloudException Chunk(string operation, ReadOnlySpan<byte> payload)
    {
        if (payload.Length < 6) return Protocol(operation, "an error without a number");
        var length = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(payload[4..]), payload.Length - 6);
        return Refused(operation, BinaryPrimitives.ReadUInt32BigEndian(payload), TextOf(payload.Slice(6, length)));
    }

    /// <summary>A text from outside, fit to be shown on one line.</summary>
    public static string TextOf(ReadOnlySpan<byte> text) =>
        string.Concat(Encoding.UTF8.GetString(text).Select(letter => char.IsControl(letter) ? ' ' : letter)).Trim();
}
