using System.Security.Cryptography;
using VBackup.Primitives;
using VBackup.Vault.Format.Keys;

namespace VBackup.Vault;

/// <summary>What opens a vault: a key file's or recovery key's 32 bytes, or a passphrase. Wiped when disposed.</summary>
public sealed class VaultUnlock : IDisposable
{
    private readonly byte[] _secret;

    private VaultUnlock(KeyKind kind, ReadOnlySpan<byte> secret, Argon2Cost cost)
    {
        Kind = kind;
        PassphraseCost = cost;
        _secret = GC.AllocateUninitializedArray<byte>(secret.Length, pinned: true);
        secret.CopyTo(_secret);
    }

    /// <summary>What a slot made for it is marked as. A key file opens a recovery key's slot too: they hold the same.</summary>
    public KeyKind Kind { get; }

    /// <summary>A word for messages.</summary>
    internal string Noun => Kind == KeyKind.Passphrase ? "passphrase" : "key";

    internal ReadOnlySpan<byte> Secret => _secret;

    /// <summary>What trying the passphrase costs in a slot made for it.</summary>
    internal Argon2Cost PassphraseCost { get; }

    /// <summary>Copies the key; the caller may wipe its own.</summary>
    /// <param name="kind">Which of the two a slot made for it is to be called.</param>
    public static VaultUnlock WithKey(ReadOnlySpan<byte> key, KeyKind kind = KeyKind.KeyFile)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeyText.KeySize, nameof(key));
        if (kind == KeyKind.Passphrase) throw new ArgumentOutOfRangeException(nameof(kind), kind, "a passphrase is no key");
        return new(kind, key, Argon2Cost.Default);
    }

    /// <summary>Copies the passphrase's UTF-8 bytes; the caller may wipe its own.</summary>
    /// <param name="cost">What trying it costs in a slot made for it; by default <see cref="Argon2Cost.Default"/>.</param>
    public static VaultUnlock WithPassphrase(ReadOnlySpan<byte> passphrase, Argon2Cost? cost = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(passphrase.Length, nameof(passphrase));
        return new(KeyKind.Passphrase, passphrase, cost ?? Argon2Cost.Default);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_secret);
}
