using System.Security.Cryptography;
using System.Text;

namespace VBackup.Platform.Secrets;

/// <summary>
/// Wraps secrets for a database: AES-256-GCM under a key from a file. What is wrapped: 1 byte version (1), 12 bytes nonce, the
/// ciphertext, 16 bytes tag; the purpose and the owner are authenticated with it, so that one secret does not pass for another.
/// Thread-safe.
/// </summary>
public sealed class MasterKey : IDisposable
{
    public const int Size = 32;
    const byte Version = 1;
    const int NonceSize = 12, TagSize = 16;

    readonly byte[] _key;

    /// <param name="key">Copied.</param>
    public MasterKey(ReadOnlySpan<byte> key)
    {
        if (key.Length != Size) throw new ArgumentException($"A master key has {Size} bytes.", nameof(key));
        _key = key.ToArray();
    }

    /// <param name="purpose">What it is, such as "project key".</param>
    /// <param name="owner">Whose it is.</param>
    public byte[] Wrap(ReadOnlySpan<byte> secret, string purpose, string owner)
    {
        var wrapped = new byte[1 + NonceSize + secret.Length + TagSize];
        wrapped[0] = Version;
        RandomNumberGenerator.Fill(wrapped.AsSpan(1, NonceSize));
        using var cipher = new AesGcm(_key, TagSize);
        cipher.Encrypt(wrapped.AsSpan(1, NonceSize), secret, wrapped.AsSpan(1 + NonceSize, secret.Length),
            wrapped.AsSpan(1 + NonceSize + secret.Length), Bound(purpose, owner));
        return wrapped;
    }

    /// <returns>The secret; the caller clears it.</returns>
    /// <exception cref="WrongMasterKeyException">It was wrapped under another key, for another purpose or owner, or was
    /// altered.</exception>
    public byte[] Unwrap(ReadOnlySpan<byte> wrapped, string purpose, string owner)
    {
        if (wrapped.Length < 1 + NonceSize + TagSize || wrapped[0] != Version) throw new WrongMasterKeyException(purpose, owner);
        var secret = new byte[wrapped.Length - 1 - NonceSize - TagSize];
        using var cipher = new AesGcm(_key, TagSize);
        try
        {
            cipher.Decrypt(wrapped.Slice(1, NonceSize), wrapped.Slice(1 + NonceSize, secret.Length),
                wrapped[(1 + NonceSize + secret.Length)..],
                secret, Bound(purpose, owner));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw new WrongMasterKeyException(purpose, owner);
        }
        return secret;
    }

    static byte[] Bound(string purpose, string owner) => Encoding.UTF8.GetBytes($"{purpose}\0{owner}");

    public void Dispose() => CryptographicOperations.ZeroMemory(_key);
}

/// <summary>A secret in the database does not open.</summary>
/// <param name="message">For people.</param>
public sealed class WrongMasterKeyException(string message) : Exception(message)
{
    public WrongMasterKeyException(string purpose, string owner) : this($"the {purpose} of {owner} does not open: the master key is not "
        + "the one that it was stored under, or the database was altered")
    {
    }
}
