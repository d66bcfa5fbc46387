namespace VBackup.Vault.Format;

/// <summary>
/// Stored bytes are not what was stored: altered, cut short, swapped, or gone. Never retried and never passed over;
/// always names the object.
/// </summary>
public sealed class DamageException(string objectName, string reason, Exception? cause = null)
    : Exception($"{objectName}: {reason}", cause)
{
    /// <summary>The stored object.</summary>
    public string ObjectName { get; } = objectName;

    /// <summary>What is wrong with it, in one line.</summary>
    public string Reason { get; } = reason;
}
