using System.Globalization;

namespace VBackup.Vault.Stores;

/// <summary>The header that says which part of an object an answer holds: <c>bytes first-last/length</c> (RFC 9110).</summary>
static class S3ContentRange
{
    /// <summary>Null when the header is missing or says something else.</summary>
    public static (long First, long Last, long ObjectLength)? Parse(string? header)
    {
        const string Unit = "bytes ";
        if (header is null || !header.StartsWith(Unit, StringComparison.Ordinal))
            return null;
        int dash = header.IndexOf('-', StringComparison.Ordinal), slash = header.IndexOf('/', StringComparison.Ordinal);
        if (dash < 0 || slash < dash
            || !TryParse(header.AsSpan(Unit.Length, dash - Unit.Length), out long first)
            || !TryParse(header.AsSpan(dash + 1, slash - dash - 1), out long last)
            || !TryParse(header.AsSpan(slash + 1), out long length))
            return null;
        return (first, last, length);
    }

    static bool TryParse(ReadOnlySpan<char> digits, out long value) =>
        long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
