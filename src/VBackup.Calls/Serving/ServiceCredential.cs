using System.Security.Cryptography;
using System.Text;

namespace VBackup.Calls.Serving;

/// <summary>What services show each other. Only its digest is kept.</summary>
public sealed class ServiceCredential(string text)
{
    readonly byte[] _digest = SHA256.HashData(Encoding.UTF8.GetBytes(text));

    /// <summary>How long it takes tells nothing of it.</summary>
    public bool Admits(string shown) =>
        CryptographicOperations.FixedTimeEquals(_digest, SHA256.HashData(Encoding.UTF8.GetBytes(shown)));
}
