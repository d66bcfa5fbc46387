using System.Security.Cryptography;

namespace VBackup.Primitives;

/// <summary>
/// A 32-byte key as one line that people can print, type and read out: <c>VBK1-</c> and 14 groups of 4 characters. The
/// last group is a checksum, so that a mistyped key is told from a wrong one.
/// </summary>
public static class KeyText
{
    /// <summary>Bytes of a key.</summary>
    public const int KeySize = 32;

    /// <summary>Characters of a key's line.</summary>
    public const int Length = PrefixLength + Groups * (GroupLength + 1) - 1;

    private const string Prefix = "VBK1-";
    private const int PrefixLength = 5;
    private const int Groups = 14;
    private const int GroupLength = 4;
    private const int Symbols = Groups * GroupLength;
    private const int BitsPerSymbol = 5;
    private const int PaddingBits = 4;
    private const int CheckBits = 20;

    private static ReadOnlySpan<char> Alphabet => "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// <summary>Prints a key as its line. A string cannot be wiped: where that matters, print into a span.</summary>
    public static string Print(ReadOnlySpan<byte> key)
    {
        Span<char> text = stackalloc char[Length];
        Print(key, text);
        var line = text.ToString();
        text.Clear();
        return line;
    }

    /// <summary>Prints a key into the first <see cref="Length"/> characters of <paramref name="text"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The key has not <see cref="KeySize"/> bytes, or the text is too short.</exception>
    public static void Print(ReadOnlySpan<byte> key, Span<char> text)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize, nameof(key));
        ArgumentOutOfRangeException.ThrowIfLessThan(text.Length, Length, nameof(text));
        Prefix.CopyTo(text);
        ulong bits = 0;
        var pending = 0;
        var symbol = 0;
        foreach (var b in key) Append(b, 8, text);
        Append(Checksum(key), PaddingBits + CheckBits, text); // the checksum has 20 bits, so the padding's 4 are zero

        void Append(uint value, int count, Span<char> text)
        {
            bits = bits << count | value;
            pending += count;
            while (pending >= BitsPerSymbol)
            {
                pending -= BitsPerSymbol;
                if (symbol > 0 && symbol % GroupLength == 0) text[Position(symbol) - 1] = '-';
                text[Position(symbol++)] = Alphabet[(int)(bits >> pending & 31)];
            }
        }
    }

    /// <summary>
    /// Reads a key from its line. White space around it is passed over, lower case is as good as upper case, and
    /// <c>I</c> and <c>L</c> are read as <c>1</c>, <c>O</c> as <c>0</c>, in the prefix too.
    /// </summary>
    /// <param name="text">The line. The caller wipes it.</param>
    /// <param name="key">Where the <see cref="KeySize"/> bytes go; all zero when the text is refused.</param>
    /// <exception cref="KeyTextException">
    /// It is no key: a wrong prefix, a wrong length, a character that no key has, or a checksum that does not fit.
    /// </exception>
    public static void Parse(ReadOnlySpan<char> text, Span<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize, nameof(key));
        key.Clear();
        text = text.Trim();
        if (text.IsEmpty) throw new KeyTextException("the key is empty");
        if (!HasPrefix(text)) throw new KeyTextException($"a key starts with {Prefix}, and this text does not");
        if (text.Length != Length)
            throw new KeyTextException($"the key has {text.Length} characters instead of {Length}: "
                + (text.Length < Length ? "some are missing" : "there are too many"));

        ulong bits = 0;
        var pending = 0;
        var written = 0;
        for (var symbol = 0; symbol < Symbols; symbol++)
        {
            var at = Position(symbol);
            if (symbol > 0 && symbol % GroupLength == 0 && text[at - 1] != '-')
                Refuse($"character {at} of the key must be '-'", key);
            var value = ValueOf(text[at]);
            if (value < 0) Refuse($"character {at + 1} of the key is none that keys have: mistyped?", key);
            bits = bits << BitsPerSymbol | (uint)value;
            pending += BitsPerSymbol;
            if (pending < 8 || written == KeySize) continue;
            pending -= 8;
            key[written++] = (byte)(bits >> pending);
        }
        const uint mask = (1u << PaddingBits + CheckBits) - 1;
        if ((bits & mask) != Checksum(key)) Refuse("the key's checksum does not fit: mistyped?", key);
    }

    /// <summary>The first 20 bits of SHA-256("vbackup key v1" ‖ key).</summary>
    private static uint Checksum(ReadOnlySpan<byte> key)
    {
        var label = "vbackup key v1"u8;
        Span<byte> input = stackalloc byte[label.Length + KeySize];
        label.CopyTo(input);
        key.CopyTo(input[label.Length..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        CryptographicOperations.ZeroMemory(input);
        return (uint)(hash[0] << 12 | hash[1] << 4 | hash[2] >> 4);
    }

    /// <summary>Where a symbol stands in the line.</summary>
    private static int Position(int symbol) => PrefixLength + symbol + symbol / GroupLength;

    private static bool HasPrefix(ReadOnlySpan<char> text) =>
        text.Length >= PrefixLength && Upper(text[0]) == 'V' && Upper(text[1]) == 'B' && Upper(text[2]) == 'K'
        && ValueOf(text[3]) == 1 && text[4] == '-';

    private static int ValueOf(char c) => Upper(c) switch
    {
        'I' or 'L' => 1,
        'O' => 0,
        var upper => Alphabet.IndexOf(upper),
    };

    /// <summary>ASCII only: of other scripts' look-alikes none may pass for a letter of a key.</summary>
    private static char Upper(char c) => char.IsAsciiLetterLower(c) ? (char)(c - 'a' + 'A') : c;

    private static void Refuse(string why, Span<byte> key)
    {
        CryptographicOperations.ZeroMemory(key);
        throw new KeyTextException(why);
    }
}
