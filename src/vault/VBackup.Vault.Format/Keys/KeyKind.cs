namespace VBackup.Vault.Format.Keys;

/// <summary>What opens a key slot.</summary>
public enum KeyKind
{
    /// <summary>A key file, on the machine that makes the backups.</summary>
    KeyFile,
    /// <summary>A recovery key, printed and locked away.</summary>
    Recovery,
    /// <summary>A passphrase, through Argon2id.</summary>
    Passphrase,
}
