using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>Something that one service says to another. Its name and its JSON are frozen: see <c>docs/messages.md</c>.</summary>
public interface IMessage
{
    /// <summary>What it is called on the wire.</summary>
    static abstract string Name { get; }
}

/// <summary>A message on its way.</summary>
/// <param name="To">Whose it is: see <see cref="Destination"/>.</param>
/// <param name="Name">Of the message's type.</param>
/// <param name="Body">Its JSON.</param>
/// <param name="NotAfter">A command that arrives later is not carried out any more, and its sender hears so. Null for events.</param>
public sealed record Envelope(MessageId Id, string To, string Name, string Body, DateTimeOffset SentAt, DateTimeOffset? NotAfter);

/// <summary>To whom messages go. A name is also the queue's.</summary>
public static class Destination
{
    public const string Portal = "portal", Backup = "backup";

    /// <summary>The vSnapshot service of a region.</summary>
    public static string Snapshots(string region) => $"snapshots.{region}";
}
