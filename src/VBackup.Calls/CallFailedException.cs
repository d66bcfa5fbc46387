namespace VBackup.Calls;

/// <summary>The service failed by a fault of its own, of which its log tells more; or it answered what nobody can make sense of.</summary>
public sealed class CallFailedException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>A setting cannot be.</summary>
/// <param name="setting">Its name, as the configuration has it.</param>
/// <param name="fault">What is wrong, without its value where that may be secret.</param>
public sealed class CallSettingException(string setting, string fault) : Exception($"{setting}: {fault}");

/// <summary>A message says what cannot be.</summary>
sealed class UnreadableMessageException(string message) : Exception(message);
