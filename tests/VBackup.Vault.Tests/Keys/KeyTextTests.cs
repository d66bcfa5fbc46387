using CsCheck;
using VBackup.Primitives;
using VBackup.Vault.Format.Keys;
using Xunit;

namespace VBackup.Vault.Tests.Keys;

public sealed class KeyTextTests
{
    private const string Golden = "VBK1-000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-J7CS";

    private static readonly Gen<byte[]> s_keys = Gen.Byte.Array[KeyText.KeySize];

    [Theory]
    [InlineData(Golden)]
    [InlineData("vbk1-000g-40r4-0m30-e209-185g-r38e-1w81-24gk-2gah-c5rr-34d1-p70x-3rfg-j7cs")]
    [InlineData("VBKI-OOOG-4OR4-oM3O-E2O9-L85G-R38E-iW8l-24GK-2GAH-C5RR-34Dl-P7OX-3RFG-J7CS")]
    [InlineData(" \t" + Golden + "\r\n")]
    public void A_line_from_another_program_is_this_key_for_ever(string text) =>
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (byte)i), Parse(text));

    [Fact]
    public void Known_keys_print_as_another_program_prints_them()
    {
        Assert.Equal(Golden, KeyText.Print([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal("VBK1-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-SC4H",
            KeyText.Print(new byte[32]));
        Assert.Equal("VBK1-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZG-33WP",
            KeyText.Print([.. Enumerable.Repeat((byte)255, 32)]));
        Assert.Equal(KeyText.Length, Golden.Length);
    }

    [Fact]
    public void Every_key_comes_back_from_its_line() =>
        s_keys.Sample(key =>
            Parse(KeyText.Print(key)).SequenceEqual(key) && Parse(KeyText.Print(key).ToLowerInvariant()).SequenceEqual(key));

    /// <remarks>
    /// One flip in a million passes a checksum of 20 bits, so the keys are always the same ones.
    /// </remarks>
    [Fact]
    public void Every_single_other_character_is_refused_or_means_the_same()
    {
        var random = new Random(1);
        // Letters that case folding or a look-alike could take for one of ours: long s, Kelvin, dotless i, full-width A.
        var others = Enumerable.Range(0, 256).Select(c => (char)c).Concat("\u017F\u212A\u0131\uFF21\u0410\u2013\u2212\0").ToArray();
        for (var round = 0; round < 10; round++)
        {
            var key = new byte[KeyText.KeySize];
            random.NextBytes(key);
            var text = KeyText.Print(key);
            for (var at = 0; at < text.Length; at++)
            {
                foreach (var other in others)
                {
                    var changed = text[..at] + other + text[(at + 1)..];
                    if (Meaning(changed) == Meaning(text)) Assert.Equal(key, Parse(changed));
                    else Assert.Throws<KeyTextException>(() => Parse(changed));
                }
            }
        }

        static string Meaning(string text) => string.Concat(text.Select(c =>
            c is 'I' or 'i' or 'L' or 'l' ? '1' : c is 'O' or 'o' ? '0' : char.IsAsciiLetterLower(c) ? (char)(c - 32) : c));
    }

    [Fact]
    public void Swapped_neighbours_are_refused()
    {
        for (var at = 5; at + 1 < Golden.Length; at++)
        {
            if (Golden[at] == Golden[at + 1]) continue;
            var changed = Golden[..at] + Golden[at + 1] + Golden[at] + Golden[(at + 2)..];
            Assert.Throws<KeyTextException>(() => Parse(changed));
        }
    }

    [Theory]
    [InlineData("", "the key is empty")]
    [InlineData(" \n", "the key is empty")]
    [InlineData("VBK2-000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-J7CS",
        "a key starts with VBK1-, and this text does not")]
    [InlineData("-----BEGIN PRIVATE KEY-----", "a key starts with VBK1-, and this text does not")]
    [InlineData("VBK1-000G", "the key has 9 characters instead of 74: some are missing")]
    [InlineData(Golden + "0", "the key has 75 characters instead of 74: there are too many")]
    [InlineData("VBK1-000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-J7CT",
        "the key's checksum does not fit: mistyped?")]
    [InlineData("VBK1-000U-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-J7CS",
        "character 9 of the key is none that keys have: mistyped?")]
    [InlineData("VBK1-000G 40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFG-J7CS",
        "character 10 of the key must be '-'")]
    public void An_error_names_what_is_wrong(string text, string message) =>
        Assert.Equal(message, Assert.Throws<KeyTextException>(() => Parse(text)).Message);

    [Fact]
    public void A_line_whose_spare_bits_are_set_is_refused() =>
        // The same 256 bits, the checksum right, but one of the four bits between them is 1.
        Assert.Throws<KeyTextException>(() => Parse("VBK1-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0000-0001-SC4H"));

    [Fact]
    public void A_refused_text_leaves_no_key_behind()
    {
        var key = Enumerable.Repeat((byte)7, 32).ToArray();
        Assert.Throws<KeyTextException>(() => KeyText.Parse(Golden[..^1] + "T", key));
        Assert.All(key, b => Assert.Equal(0, b));
    }

    [Fact]
    public void Any_text_is_a_key_or_refused() =>
        Gen.OneOf(Gen.String, Gen.Char["VBK1-0OIL ZU\n"].Array[0, 90].Select(c => "VBK1-" + new string(c)),
                Gen.Char["0123456789ABCDEFGHJKMNPQRSTVWXYZ-"].Array[69].Select(c => "VBK1-" + new string(c)))
            .Sample(text =>
            {
                try
                {
                    return KeyText.Print(Parse(text)).Length == KeyText.Length;
                }
                catch (KeyTextException e)
                {
                    return !e.Message.Contains('\n', StringComparison.Ordinal);
                }
            });

    private static byte[] Parse(string text)
    {
        var key = new byte[KeyText.KeySize];
        KeyText.Parse(text, key);
        return key;
    }
}
