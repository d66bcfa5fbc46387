using System.Buffers;

namespace VBackup.Primitives;

/// <summary>Hex digits as the vault writes them: lower case only.</summary>
public static class HexText
{
    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Whether <paramref name="text"/> is lower-case hex throughout.</summary>
    public static bool IsLower(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(s_digits);

    /// <summary>Reads lower-case hex of exactly twice the destination's length.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, Span<byte> destination) =>
        text.Length == 2 * destination.Length && IsLower(text)
        && Convert.FromHexString(text, destination, out _, out _) == OperationStatus.Done;
}
