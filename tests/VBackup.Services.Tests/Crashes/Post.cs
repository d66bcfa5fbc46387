using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Takes messages from one process to another: not at all, twice, late, in any order.</summary>
sealed class Post(FaultPlan faults, Action<string> tell)
{
    readonly Dictionary<string, (Func<IMessageEndpoint> Endpoint, Place Place)> _addresses = [];
    readonly List<Envelope> _late = [];

    /// <summary>A rule that is broken on purpose: what is given for a message. Null: it gets lost, and nobody is told.</summary>
    public Func<Envelope, Envelope?> Breaks { get; init; } = envelope => envelope;

    /// <summary>Those that are on their way still.</summary>
    public int Late => _late.Count;

    /// <param name="endpoint">Whoever is there then.</param>
    public void Connect(string address, Place place, Func<IMessageEndpoint> endpoint) => _addresses.Add(address, (endpoint, place));

    /// <summary>The post as a process sees it.</summary>
    public IMessageTransport For(Life sender) => new Counter(this, sender);

    /// <summary>One of those that are late arrives. Whoever is not there then gets it another time.</summary>
    public async Task DeliverLateAsync(Random random)
    {
        if (_late.Count == 0) return;
        var envelope = _late[random.Next(_late.Count)];
        try
        {
            await DeliverAsync(envelope);
        }
        catch (IOException)
        {
            return;
        }
        _late.Remove(envelope);
    }

    async Task SendAsync(Envelope sent, Life sender)
    {
        sender.RequireAlive();
        if (Breaks(sent) is not { } envelope) return;
        var mishap = faults.Meet(_addresses[envelope.To].Place);
        if (mishap is not null) tell($"{sender.Name}: {envelope.Name} {mishap}");
        switch (mishap)
        {
            case Mishap.FailsBefore:
                throw new IOException("the line broke");
            case Mishap.FailsAfter:
                await DeliverAsync(envelope);
                throw new IOException("the line broke");
            case Mishap.ArrivesTwice:
                await DeliverAsync(envelope);
                // The broker has it once more.
                _late.Add(Breaks(sent) ?? envelope);
                return;
            case Mishap.ArrivesLate:
                _late.Add(envelope);
                return;
            default:
                await DeliverAsync(envelope);
                return;
        }
    }

    async Task DeliverAsync(Envelope envelope)
    {
        try
        {
            await _addresses[envelope.To].Endpoint().DeliverAsync(envelope, default);
        }
        catch (DiedException receiver)
        {
            throw new IOException($"{envelope.To} is dead", receiver);
        }
    }

    sealed class Counter(Post post, Life sender) : IMessageTransport
    {
        public Task SendAsync(Envelope envelope, CancellationToken cancellation) => post.SendAsync(envelope, sender);
    }
}
