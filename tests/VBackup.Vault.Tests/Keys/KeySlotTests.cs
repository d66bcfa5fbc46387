using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using Xunit;

namespace VBackup.Vault.Tests.Keys;

public sealed class KeySlotTests
{
    // Made by another program from docs/vault-format.md: these must unwrap for ever.
    private const string GoldenName = "keys/c56e20959ea0a962ab81cdfa7b4cc385";
    private const string GoldenKeyFile =
        """{"format": 1, "kind": "key-file", "createdAt": "2026-01-02T03:04:05Z", "wrapped": "wMHCw8TFxsfIycrLB/6+O7bSaLxbmNoZO4bIuboPKCV5ZpIeshfgK86S3BVJ7Eq93ojad6Ny7FGsBwq8"}""";
    private const string GoldenRecovery =
        """{"format": 1, "kind": "recovery", "createdAt": "2026-01-02T03:04:05Z", "wrapped": "wMHCw8TFxsfIycrLB/6+O7bSaLxbmNoZO4bIuboPKCV5ZpIeshfgK86S3BVUoPFaxM7399136bhjXARB"}""";
    private const string GoldenPassphrase =
        """{"format": 1, "kind": "passphrase", "createdAt": "2026-01-02T03:04:05Z", "wrapped": "wMHCw8TFxsfIycrLB7lncSrsWln9av/zUwfXPksrzR63ZPEAci6Ak3CpBUWYc5VbdS0PYlp40lP3SdQO", "argon2id": {"salt": "4OHi4+Tl5ufo6err7O3u7w==", "memoryKiB": 1024, "iterations": 3, "lanes": 4}}""";
    private const string PassphraseName = "keys/passphrase-000102030405060708090a0b0c0d0e0f";

    private static readonly byte[] s_key = Count(0, 32);
    private static readonly byte[] s_vault = Count(0xA0, 16);
    private static readonly byte[] s_dataKey = Count(0x40, 32);
    private static readonly DateTimeOffset s_time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Argon2Cost s_cheap = new(64, 1, 2);

    [Fact]
    public void A_key_is_named_as_another_program_names_it() => Assert.Equal(GoldenName, KeySlot.NameOf(s_key, s_vault));

    [Theory]
    [InlineData(GoldenKeyFile, KeyKind.KeyFile)]
    [InlineData(GoldenRecovery, KeyKind.Recovery)]
    public void A_key_slot_of_another_program_unwraps_for_ever(string json, KeyKind kind)
    {
        var slot = KeySlot.Decode(GoldenName, Utf8(json));
        Assert.Equal(kind, slot.Kind);
        Assert.Equal(s_time, slot.CreatedAt);
        Assert.Null(slot.Cost);
        Assert.Equal(s_dataKey, Unwrap(slot, s_key));
    }

    [Fact]
    public void A_passphrase_slot_of_another_program_unwraps_for_ever()
    {
        var slot = KeySlot.Decode(PassphraseName, Utf8(GoldenPassphrase));
        Assert.Equal(KeyKind.Passphrase, slot.Kind);
        Assert.Equal(new(1024, 3, 4), slot.Cost);
        Assert.Equal(s_dataKey, Unwrap(slot, "grün und gold"u8));
        Assert.Null(Unwrap(slot, "grün und golD"u8));
        Assert.Null(Unwrap(slot, ""u8));
    }

    [Fact]
    public void What_was_wrapped_under_a_key_unwraps_with_it_and_nothing_else() =>
        Gen.Select(Gen.Byte.Array[32], Gen.Byte.Array[16], Gen.Byte.Array[32], Gen.Bool, Gen.Int[0, 255])
        .Sample((key, vault, dataKey, file, bit) =>
        {
            var kind = file ? KeyKind.KeyFile : KeyKind.Recovery;
            var slot = Reread(KeySlot.Wrap(kind, key, vault, dataKey, s_time));
            Assert.Equal(kind, slot.Kind);
            Assert.Equal(s_time, slot.CreatedAt);
            var output = new byte[32];
            Assert.True(slot.TryUnwrap(key, vault, output));
            Assert.Equal(dataKey, output);
            Assert.False(slot.TryUnwrap(Flip(key, bit), vault, output));
            Assert.All(output, b => Assert.Equal(0, b));
            Assert.False(slot.TryUnwrap(key, Flip(vault, bit % 128), output));
            Assert.False(slot.TryUnwrap(key.AsSpan(1), vault, output));
            Assert.NotEqual(KeySlot.NameOf(key, vault), KeySlot.NameOf(Flip(key, bit), vault));
            Assert.NotEqual(KeySlot.NameOf(key, vault), KeySlot.NameOf(key, Flip(vault, bit % 128)));
        }, iter: 300);

    [Fact]
    public void What_was_wrapped_under_a_passphrase_unwraps_with_it_and_nothing_else() =>
        Gen.Byte.Array[1, 40].Sample(passphrase =>
        {
            var slot = Reread(KeySlot.WrapWithPassphrase(passphrase, s_vault, s_dataKey, s_time, s_cheap));
            Assert.Equal(s_cheap, slot.Cost);
            Assert.Equal(s_dataKey, Unwrap(slot, passphrase));
            Assert.Null(Unwrap(slot, Flip(passphrase, 0)));
            Assert.Null(Unwrap(slot, [.. passphrase, 0]));
            Assert.False(slot.TryUnwrap(passphrase, Flip(s_vault, 3), new byte[32]));
        }, iter: 50);

    [Fact]
    public void The_default_cost_is_64_MiB_3_iterations_4_lanes()
    {
        var slot = Reread(KeySlot.WrapWithPassphrase("correct horse"u8, s_vault, s_dataKey, s_time));
        Assert.Equal(new(65536, 3, 4), slot.Cost);
        Assert.Equal(s_dataKey, Unwrap(slot, "correct horse"u8));
    }

    [Fact]
    public void Wrapping_twice_gives_two_slots_without_the_data_key_in_them()
    {
        var one = KeySlot.Wrap(KeyKind.KeyFile, s_key, s_vault, s_dataKey, s_time).Encode();
        Assert.NotEqual(one, KeySlot.Wrap(KeyKind.KeyFile, s_key, s_vault, s_dataKey, s_time).Encode());
        var wrapped = Convert.FromBase64String((string)JsonNode.Parse(one)!["wrapped"]!);
        Assert.Equal(-1, wrapped.AsSpan().IndexOf(s_dataKey.AsSpan(0, 4)));
        Assert.NotEqual(KeySlot.NewPassphraseName(), KeySlot.NewPassphraseName());
    }

    [Fact]
    public void A_time_elsewhere_is_written_as_UTC()
    {
        var slot = KeySlot.Wrap(KeyKind.KeyFile, s_key, s_vault, s_dataKey, s_time.ToOffset(TimeSpan.FromHours(5)));
        Assert.Equal("2026-01-02T03:04:05+00:00", (string)JsonNode.Parse(slot.Encode())!["createdAt"]!);
    }

    [Fact]
    public void Every_flipped_bit_of_what_is_wrapped_is_refused()
    {
        foreach (var (name, json, secret) in new[]
        {
            (GoldenName, GoldenKeyFile, s_key), (PassphraseName, Encoding.UTF8.GetString(Cheap().Encode()), "p"u8.ToArray()),
        })
        {
            var node = JsonNode.Parse(json)!;
            var wrapped = Convert.FromBase64String((string)node["wrapped"]!);
            for (var bit = 0; bit < wrapped.Length * 8; bit++)
            {
                node["wrapped"] = Convert.ToBase64String(Flip(wrapped, bit));
                Assert.Null(Unwrap(Decode(name, node), secret));
            }
        }
    }

    [Fact]
    public void A_slot_whose_kind_was_changed_does_not_unwrap() =>
        Assert.Null(Unwrap(KeySlot.Decode(
            GoldenName, Utf8(GoldenKeyFile.Replace("key-file", "recovery", StringComparison.Ordinal))), s_key));

    [Fact]
    public void A_slot_whose_Argon2id_was_changed_does_not_unwrap()
    {
        foreach (var (member, value) in new (string, JsonNode)[]
            { ("memoryKiB", 72), ("iterations", 2), ("lanes", 1), ("salt", Convert.ToBase64String(new byte[16])) })
        {
            var node = JsonNode.Parse(Cheap().Encode())!;
            Assert.Equal(s_dataKey, Unwrap(Decode(PassphraseName, node), "p"u8));
            node["argon2id"]![member] = value;
            Assert.Null(Unwrap(Decode(PassphraseName, node), "p"u8));
        }
    }

    [Theory]
    [InlineData("memoryKiB", "1048577")]
    [InlineData("memoryKiB", "2147483647")]
    [InlineData("memoryKiB", "99999999999")]
    [InlineData("memoryKiB", "-1")]
    [InlineData("memoryKiB", "15")]
    [InlineData("iterations", "65")]
    [InlineData("iterations", "0")]
    [InlineData("lanes", "17")]
    [InlineData("lanes", "0")]
    [InlineData("lanes", "1.5")]
    [InlineData("lanes", "null")]
    [InlineData("salt", "\"AAAA\"")]
    [InlineData("salt", "\"?\"")]
    [InlineData("salt", "null")]
    public void A_slot_that_asks_for_too_much_or_nonsense_is_refused_when_read(string member, string value)
    {
        var node = JsonNode.Parse(Cheap().Encode())!;
        node["argon2id"]![member] = JsonNode.Parse(value);
        var damage = Assert.Throws<DamageException>(() => Decode(PassphraseName, node));
        Assert.Equal(PassphraseName, damage.ObjectName);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"format\":1}")]
    [InlineData("{\"format\":1,\"kind\":\"key-file\",\"createdAt\":\"2026-01-02T03:04:05Z\",\"wrapped\":\"AAAA\"}")]
    [InlineData("{\"format\":1,\"kind\":null,\"createdAt\":\"2026-01-02T03:04:05Z\",\"wrapped\":\"AAAA\"}")]
    [InlineData("{\"format\":1,\"format\":1,\"kind\":\"key-file\",\"createdAt\":\"2026-01-02T03:04:05Z\",\"wrapped\":\"AAAA\"}")]
    [InlineData("{\"format\":1,\"kind\":\"key-file\",\"createdAt\":\"yesterday\",\"wrapped\":\"AAAA\"}")]
    [InlineData("{\"format\":1,\"a\\nb\":{\"c\":")]
    public void What_is_no_slot_is_damage(string json)
    {
        var damage = Assert.Throws<DamageException>(() => KeySlot.Decode(GoldenName, Utf8(json)));
        Assert.DoesNotContain('\n', damage.Message);
    }

    [Fact]
    public void A_slot_too_large_to_be_one_is_damage() =>
        Assert.Throws<DamageException>(() =>
            KeySlot.Decode(GoldenName, Utf8(GoldenKeyFile + new string(' ', KeySlot.SizeMax))));

    [Theory]
    [InlineData("{\"format\":2,\"kind\":[]}")]
    [InlineData("{\"format\":1,\"kind\":\"tpm\",\"createdAt\":\"2026-01-02T03:04:05Z\",\"wrapped\":\"AAAA\"}")]
    public void A_slot_of_a_later_version_asks_for_a_newer_program(string json) =>
        Assert.EndsWith(
            "use a newer vbackup", Assert.Throws<UnusableVaultException>(() => KeySlot.Decode(GoldenName, Utf8(json))).Message);

    [Fact]
    public void Members_that_are_not_known_are_passed_over() =>
        Assert.Equal(
            s_dataKey, Unwrap(KeySlot.Decode(GoldenName, Utf8("{\"note\":{\"a\":[1]}," + GoldenKeyFile[1..])), s_key));

    [Fact]
    public void A_slot_under_a_name_of_another_kind_is_damage()
    {
        Assert.Throws<DamageException>(() => KeySlot.Decode(PassphraseName, Utf8(GoldenKeyFile)));
        Assert.Throws<DamageException>(() => KeySlot.Decode(GoldenName, Utf8(GoldenPassphrase)));
        Assert.Throws<DamageException>(() => KeySlot.Decode("keys/x", Utf8(GoldenKeyFile)));
    }

    [Theory]
    [InlineData(GoldenName, true, false)]
    [InlineData(PassphraseName, true, true)]
    [InlineData("keys/C56E20959EA0A962AB81CDFA7B4CC385", false, false)]
    [InlineData("keys/c56e", false, false)]
    [InlineData("keys/passphrase-", false, true)]
    [InlineData("points/c56e20959ea0a962ab81cdfa7b4cc385", false, false)]
    public void Names_of_slots_are_told_from_others(string name, bool isSlot, bool ofPassphrase)
    {
        Assert.Equal(isSlot, KeySlot.TryParseName(name, out var actual));
        if (isSlot) Assert.Equal(ofPassphrase, actual);
        Assert.True(KeySlot.TryParseName(KeySlot.NewPassphraseName(), out actual) && actual);
    }

    [Fact]
    public void Hostile_bytes_never_end_in_another_exception()
    {
        var seeds = new[] { GoldenKeyFile, GoldenRecovery, GoldenPassphrase }.Select(Utf8).ToArray();
        string[] pieces =
        [
            "null", "{}", "[]", "\"\"", "1e999", "-0", "9223372036854775808", "\"\\ud800\"", "\"\\u0000\"",
            "\"0001-01-01T00:00:00+14:00\"",
            "\"9999-12-31T23:59:59-14:00\"", "\"format\":1,", "\"kind\":\"passphrase\",", "{\"a\":", "[[[[[[[[[[[[[[[[[[[[[[", "\u00ff",
                ",", "//",
        ];
        var edits = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 400], Gen.Int[0, 40], Gen.Byte, Gen.Int[0, pieces.Length - 1]).Array[1, 4];
        Gen.Select(Gen.Int[0, 2], edits, Gen.Bool).Sample((seed, changes, passphrase) =>
        {
            var json = seeds[seed];
            foreach (var (what, place, count, value, piece) in changes)
            {
                var at = json.Length == 0 ? 0 : place % json.Length;
                var most = Math.Min(count, json.Length - at);
                byte[] inserted = Utf8(pieces[piece]);
                json = what switch
                {
                    0 => [.. json[..at], value, .. json[Math.Min(at + 1, json.Length)..]],
                    1 => [.. json[..at], .. json[(at + most)..]],
                    2 => [.. json[..(at + most)], .. json[at..]],
                    3 => [.. json[..at], .. inserted, .. json[at..]],
                    4 => json[..at],
                    _ => ReplaceValue(json, at, inserted),
                };
            }
            try
            {
                var slot = KeySlot.Decode(passphrase ? PassphraseName : GoldenName, json);
                Assert.True(slot.Cost is null ? slot.Kind != KeyKind.Passphrase : slot.Cost.IsAllowed);
                Assert.NotEmpty(slot.Encode());
                if (slot.Cost is null) slot.TryUnwrap(s_key, s_vault, new byte[32]);
            }
            catch (Exception e) when (e is DamageException or UnusableVaultException)
            {
                Assert.DoesNotContain('\n', e.Message);
            }
        }, iter: 20_000);
    }

    [Fact]
    public void Wrong_lengths_are_the_callers_mistake()
    {
        var slot = KeySlot.Wrap(KeyKind.KeyFile, s_key, s_vault, s_dataKey, s_time);
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySlot.NameOf(new byte[31], s_vault));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySlot.NameOf(s_key, new byte[15]));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySlot.Wrap(KeyKind.KeyFile, s_key, s_vault, new byte[16], s_time));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySlot.Wrap(KeyKind.Passphrase, s_key, s_vault, s_dataKey, s_time));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySlot.WrapWithPassphrase([], s_vault, s_dataKey, s_time));
        Assert.Throws<ArgumentOutOfRangeException>(() => slot.TryUnwrap(s_key, s_vault, new byte[33]));
        Assert.Throws<ArgumentOutOfRangeException>(() => slot.TryUnwrap(s_key, new byte[17], new byte[32]));
    }

    /// <summary>Gives a whole member another value, so that the JSON stays well-formed.</summary>
    private static byte[] ReplaceValue(byte[] json, int at, byte[] value)
    {
        var colon = json.AsSpan(0, at).LastIndexOf((byte)':');
        if (colon < 0) return json;
        var end = json.AsSpan(colon).IndexOfAny((byte)',', (byte)'}');
        return end < 0 ? json : [.. json[..(colon + 1)], .. value, .. json[(colon + end)..]];
    }

    private static KeySlot Cheap() => KeySlot.WrapWithPassphrase("p"u8, s_vault, s_dataKey, s_time, s_cheap);

    private static KeySlot Reread(KeySlot slot) =>
        KeySlot.Decode(slot.Kind == KeyKind.Passphrase ? PassphraseName : GoldenName, slot.Encode());

    private static KeySlot Decode(string name, JsonNode node) => KeySlot.Decode(name, Utf8(node.ToJsonString()));

    private static byte[]? Unwrap(KeySlot slot, ReadOnlySpan<byte> secret)
    {
        var dataKey = new byte[32];
        return slot.TryUnwrap(secret, s_vault, dataKey) ? dataKey : null;
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Flip(byte[] bytes, int bit)
    {
        var flipped = bytes.ToArray();
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }

    private static byte[] Count(int first, int count) => [.. Enumerable.Range(first, count).Select(i => (byte)i)];
}
