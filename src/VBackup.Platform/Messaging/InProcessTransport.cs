using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging;

/// <summary>For services of one process: a message has arrived when it was carried out.</summary>
public sealed class InProcessTransport : IMessageTransport
{
    readonly Dictionary<string, IMessageEndpoint> _endpoints = [];

    /// <summary>REQUIRES: nothing was sent yet.</summary>
    public void Connect(string destination, IMessageEndpoint endpoint) => _endpoints.Add(destination, endpoint);

    public Task SendAsync(Envelope envelope, CancellationToken cancellation) =>
        _endpoints.TryGetValue(envelope.To, out var endpoint) ? endpoint.DeliverAsync(envelope, cancellation)
            : throw new UnknownMessageException($"there is no {envelope.To}: no region of that name is served here");
}
