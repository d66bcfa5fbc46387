using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging;

/// <summary>A message that is to be sent, or that nobody could take.</summary>
public sealed class OutgoingMessage
{
    OutgoingMessage() { }

    public OutgoingMessage(Envelope envelope)
    {
        (Id, To, Name, Body, SentAt, NotAfter) = envelope;
        NextAttemptAt = SentAt;
    }

    public MessageId Id { get; private set; }
    public string To { get; private set; } = "";
    public string Name { get; private set; } = "";
    public string Body { get; private set; } = "";
    public DateTimeOffset SentAt { get; private set; }
    public DateTimeOffset? NotAfter { get; private set; }
    public int Attempts { get; private set; }

    /// <summary>Null when it has arrived, or is dead.</summary>
    public DateTimeOffset? NextAttemptAt { get; private set; }

    /// <summary>Whether it was given up: somebody has to look at it.</summary>
    public bool IsDead { get; private set; }
    public string? LastError { get; private set; }

    public Envelope Envelope => new(Id, To, Name, Body, SentAt, NotAfter);

    public void Arrived()
    {
        NextAttemptAt = null;
        LastError = null;
    }

    /// <summary>Nothing can be sent now: it stays due, and no nearer to being dead.</summary>
    public void Waits(string error) => LastError = error;

    /// <summary>Somebody wants a dead one to be sent after all.</summary>
    public void Revive(DateTimeOffset now)
    {
        if (!IsDead) throw new InvalidOperationException($"The message {Id} is not dead.");
        (IsDead, Attempts, NextAttemptAt) = (false, 0, now);
    }

    /// <param name="patience">After so many attempts it is dead.</param>
    public void Failed(string error, DateTimeOffset now, int patience)
    {
        Attempts++;
        LastError = error;
        IsDead = Attempts >= patience;
        NextAttemptAt = IsDead ? null : now + TimeSpan.FromSeconds(Math.Min(1 << Math.Min(Attempts - 1, 8), 300));
    }
}

/// <summary>A message that was carried out; it may arrive again.</summary>
public sealed record DoneMessage(MessageId Id, DateTimeOffset DoneAt);
