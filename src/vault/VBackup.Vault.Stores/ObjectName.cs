using System.Buffers;

namespace VBackup.Vault.Stores;

/// <summary>
/// What an object may be called: segments of ASCII letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, joined by single
/// slashes; no segment starts with a dot; 200 characters at most. So a name is at the same time a safe relative path
/// and an S3 key that needs no escaping, and ordinal order is the order of its bytes everywhere.
/// </summary>
static class ObjectName
{
    public const int LengthMax = 200;

    /// <summary>The folder where <see cref="FileSystemStore"/> keeps what is not finished; no object may live there.</summary>
    public const string UnfinishedFolder = "unfinished";

    static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./");

    /// <exception cref="ArgumentException">The name is not one: a bug of the caller, or hostile input.</exception>
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsValid(name))
            throw new ArgumentException($"'{Printable(name)}' is not a name an object may have.", nameof(name));
    }

    /// <exception cref="ArgumentException">No object's name could start like this.</exception>
    public static void CheckPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length > LengthMax || (prefix.Length > 0 && !IsShapedLikeAPrefix(prefix)))
            throw new ArgumentException($"'{Printable(prefix)}' is not how an object's name may start.", nameof(prefix));
    }

    public static bool IsValid(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= LengthMax && name[^1] != '/' && IsShapedLikeAPrefix(name)
        && !name.SequenceEqual(UnfinishedFolder) && !name.StartsWith(UnfinishedFolder + "/", StringComparison.Ordinal);

    static bool IsShapedLikeAPrefix(ReadOnlySpan<char> name)
    {
        if (name.ContainsAnyExcept(Allowed))
            return false;
        char before = '/';
        foreach (char c in name)
        {
            if (before == '/' && c is ('/' or '.'))
                return false;
            before = c;
        }
        return true;
    }

    /// <summary>A hostile name must not write control characters to a terminal or fill a log.</summary>
    static string Printable(string name) =>
        string.Concat(name.Take(80).Select(c => char.IsControl(c) ? '?' : c));
}
