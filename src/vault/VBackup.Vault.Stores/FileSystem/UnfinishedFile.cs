using System.Buffers;
using System.Security.Cryptography;

namespace VBackup.Vault.Stores;

/// <summary>
/// The names of files below <c>unfinished/</c>: the object's name with commas for slashes, a tilde, and 32 random hex
/// digits. Neither comma nor tilde can be in an object's name, so it can be read back.
/// </summary>
static class UnfinishedFile
{
    const int RandomLengthBytes = 16;

    static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    public static string NewNameFor(string objectName) =>
        $"{objectName.Replace('/', ',')}~{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomLengthBytes))}";

    /// <summary>Null when a file was not named by <see cref="NewNameFor"/>.</summary>
    public static string? ObjectNameOf(string fileName)
    {
        int tilde = fileName.IndexOf('~', StringComparison.Ordinal);
        if (tilde < 0 || fileName.Length - tilde - 1 != 2 * RandomLengthBytes)
            return null;
        if (fileName.AsSpan(tilde + 1).ContainsAnyExcept(HexDigits))
            return null;
        string name = fileName[..tilde].Replace(',', '/');
        return ObjectName.IsValid(name) ? name : null;
    }
}
