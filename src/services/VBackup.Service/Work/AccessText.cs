using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace VBackup.Service.Work;

/// <summary>
/// What somebody shows to be let in: the id of a row, a dot, and 256 random bits in base64url. The row has the SHA-256 of the bits: nobody
/// guesses them, so a slow digest would protect nothing more, and the row alone lets nobody in.
/// </summary>
static class AccessText
{
    const int SecretSize = 32, LengthMax = 200;

    /// <param name="id">Of the row that gets the digest.</param>
    public static (string Text, byte[] Digest) New(Guid id)
    {
        var secret = RandomNumberGenerator.GetBytes(SecretSize);
        try
        {
            return ($"{id:D}.{Base64Url.EncodeToString(secret)}", SHA256.HashData(secret));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <returns>Null: nobody was given such a text.</returns>
    public static (Guid Id, byte[] Digest)? Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LengthMax || text.IndexOf('.', StringComparison.Ordinal) is not (> 0 and var dot)
            || !Guid.TryParseExact(text.AsSpan(0, dot), "D", out var id)) return null;
        var encoded = Encoding.UTF8.GetBytes(text[(dot + 1)..]);
        Span<byte> secret = stackalloc byte[LengthMax];
        if (!Base64Url.IsValid(encoded, out var size) || size != SecretSize
            || !Base64Url.TryDecodeFromUtf8(encoded, secret, out var written) || written != SecretSize) return null;
        try
        {
            return (id, SHA256.HashData(secret[..SecretSize]));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>How long it takes tells nothing of the digest that is kept.</summary>
    public static bool IsSame(byte[] shown, byte[]? kept) => kept is not null && CryptographicOperations.FixedTimeEquals(shown, kept);
}
