namespace VBackup.Platform.Messaging;

/// <summary>
/// Nothing can be sent now, whatever it is: the broker is not there, does not answer, or takes no messages. No message is to blame, so none
/// comes any nearer to being given up: all of them wait.
/// </summary>
public sealed class TransportDownException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The broker is there and does not take this message: nobody has a queue for it, or it is too large. It may be tried
/// again.</summary>
public sealed class MessageNotTakenException(string message, Exception? inner = null) : Exception(message, inner);
