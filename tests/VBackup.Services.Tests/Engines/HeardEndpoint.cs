using System.Threading.Channels;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;

namespace VBackup.Services.Tests.Engines;

/// <summary>Tells a test of each attempt to deliver a message, once it is over.</summary>
/// <param name="deliver">What is done with it; null for nothing.</param>
sealed class HeardEndpoint(Func<Envelope, CancellationToken, Task>? deliver = null) : IMessageEndpoint
{
    readonly Channel<Envelope> _heard = Channel.CreateUnbounded<Envelope>();

    public async Task DeliverAsync(Envelope envelope, CancellationToken cancellation)
    {
        try
        {
            if (deliver is not null) await deliver(envelope, cancellation);
        }
        finally
        {
            _heard.Writer.TryWrite(envelope);
        }
    }

    /// <summary>The next attempt.</summary>
    public Task<Envelope> NextAsync() => BrokerWorld.InTimeAsync(_heard.Reader.ReadAsync().AsTask());
}
