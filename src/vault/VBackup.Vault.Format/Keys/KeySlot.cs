using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VBackup.Primitives;

namespace VBackup.Vault.Format.Keys;

/// <summary>
/// A vault's data key, wrapped under a key file's or recovery key's 32 bytes or under a passphrase. A vault has a slot for
/// each of them. Immutable; holds no secret.
/// </summary>
public sealed class KeySlot
{
    /// <summary>Bytes of a data key, and of a key file's and a recovery key's key.</summary>
    public const int KeySize = KeyText.KeySize;

    /// <summary>Bytes of a vault id.</summary>
    public const int VaultIdSize = 16;

    /// <summary>A slot that is larger is refused unread; real ones have about 300 bytes.</summary>
    public const int SizeMax = 16 * 1024;

    private const int Version = 1;
    private const int KeyIdSize = 16;
    private const int SaltSize = 16;
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int WrappedSize = NonceSize + KeySize + TagSize;

    /// <summary>Of <c>,"seal":"…"}</c> with 44 characters of base64.</summary>
    private const int SealSize = 9 + 44 + 2;
    private const string PassphrasePrefix = ObjectNames.Keys + "passphrase-";

    private readonly byte[] _salt;
    private readonly byte[] _wrapped;

    private KeySlot(KeyKind kind, DateTimeOffset createdAt, Argon2Cost? cost, byte[] salt, byte[] wrapped)
    {
        Kind = kind;
        CreatedAt = createdAt;
        Cost = cost;
        _salt = salt;
        _wrapped = wrapped;
    }

    /// <summary>What opens it.</summary>
    public KeyKind Kind { get; }

    /// <summary>When it was made, by the clock of whoever made it; nothing vouches for it.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>What trying a passphrase costs; null when no passphrase opens it.</summary>
    public Argon2Cost? Cost { get; }

    /// <summary>The object name of a key file's or recovery key's slot. It tells nothing about the key.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The key has not 32 bytes, or the vault id not 16.</exception>
    public static string NameOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId)
    {
        Check(key, vaultId);
        Span<byte> id = stackalloc byte[KeySize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, id, vaultId, "vbackup key id v1"u8);
        return ObjectNames.Keys + Convert.ToHexStringLower(id[..KeyIdSize]);
    }

    /// <summary>A fresh object name for a passphrase's slot. It is random, so a passphrase cannot be guessed by it.</summary>
    public static string NewPassphraseName()
    {
        Span<byte> id = stackalloc byte[KeyIdSize];
        RandomNumberGenerator.Fill(id);
        return PassphrasePrefix + Convert.ToHexStringLower(id);
    }

    /// <summary>Whether an object's name is a key slot's, and then whether a passphrase's.</summary>
    public static bool TryParseName(string name, out bool ofPassphrase)
    {
        ofPassphrase = name.StartsWith(PassphrasePrefix, StringComparison.Ordinal);
        var prefix = ofPassphrase ? PassphrasePrefix : ObjectNames.Keys;
        return name.StartsWith(prefix, StringComparison.Ordinal)
            && Primitives.HexText.TryParse(name.AsSpan(prefix.Length), stackalloc byte[KeyIdSize]);
    }

    /// <summary>Wraps a data key under a key file's or a recovery key's key.</summary>
    /// <param name="kind">Not <see cref="KeyKind.Passphrase"/>.</param>
    /// <param name="key">32 bytes.</param>
    /// <param name="vaultId">16 bytes.</param>
    /// <param name="dataKey">32 bytes.</param>
    /// <param name="createdAt">Kept as UTC.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length is wrong, or the kind.</exception>
    public static KeySlot Wrap(
        KeyKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId, ReadOnlySpan<byte> dataKey,
        DateTimeOffset createdAt)
    {
        if (kind is not (KeyKind.KeyFile or KeyKind.Recovery))
            throw new ArgumentOutOfRangeException(nameof(kind), kind, "not a kind with a key of its own");
        return new(kind, createdAt.ToUniversalTime(), null, [], Seal(kind, key, vaultId, dataKey));
    }

    /// <summary>Wraps a data key under a passphrase.</summary>
    /// <param name="passphrase">UTF-8 bytes, as they are; not empty.</param>
    /// <param name="vaultId">16 bytes.</param>
    /// <param name="dataKey">32 bytes.</param>
    /// <param name="createdAt">Kept as UTC.</param>
    /// <param name="cost">What trying a passphrase costs; by default <see cref="Argon2Cost.Default"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A length is wrong, or the cost is not allowed.</exception>
    public static KeySlot WrapWithPassphrase(
        ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> vaultId, ReadOnlySpan<byte> dataKey, DateTimeOffset createdAt,
        Argon2Cost? cost = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(passphrase.Length, nameof(passphrase));
        cost ??= Argon2Cost.Default;
        var salt = RandomNumberGenerator.GetBytes(SaltSize);
        Span<byte> key = stackalloc byte[KeySize];
        try
        {
            Argon2id.Derive(passphrase, salt, cost, key);
            var wrapped = Seal(KeyKind.Passphrase, key, vaultId, dataKey);
            return new(KeyKind.Passphrase, createdAt.ToUniversalTime(), cost, salt, wrapped);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Unwraps the data key.</summary>
    /// <param name="secret">A key file's or recovery key's 32 bytes, or a passphrase's UTF-8 bytes, as <see cref="Kind"/> says.</param>
    /// <param name="vaultId">16 bytes.</param>
    /// <param name="dataKey">Where the 32 bytes go; all zero when they cannot be had.</param>
    /// <returns>
    /// False when the secret is not this slot's, or the slot is another vault's, or was altered. These cannot be told
    /// apart, save that a slot found by <see cref="NameOf"/> of the same key was altered.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The vault id has not 16 bytes, or the data key not 32.</exception>
    public bool TryUnwrap(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> vaultId, Span<byte> dataKey)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(vaultId.Length, VaultIdSize, nameof(vaultId));
        ArgumentOutOfRangeException.ThrowIfNotEqual(dataKey.Length, KeySize, nameof(dataKey));
        dataKey.Clear();
        if (Kind != KeyKind.Passphrase) return secret.Length == KeySize && TryOpen(secret, vaultId, dataKey);
        if (secret.IsEmpty) return false;
        Span<byte> key = stackalloc byte[KeySize];
        try
        {
            Argon2id.Derive(secret, _salt, Cost!, key);
            return TryOpen(key, vaultId, dataKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>The slot as JSON, UTF-8.</summary>
    public byte[] Encode()
    {
        var document = new KeySlotDocument
        {
            Format = Version,
            Kind = TextOf(Kind),
            CreatedAt = CreatedAt,
            Wrapped = _wrapped,
            Argon2id = Cost is null
                ? null
                : new() { Salt = _salt, MemoryKiB = Cost.MemoryKiB, Iterations = Cost.Iterations, Lanes = Cost.Lanes },
        };
        return JsonSerializer.SerializeToUtf8Bytes(document, KeySlotJson.Default.KeySlotDocument);
    }

    /// <summary>The slot as it is stored: with a seal as the last member, for whoever has the data key to check.</summary>
    internal byte[] EncodeSealed(VaultKeys keys, string objectName)
    {
        var content = Encode().AsSpan()[..^1];
        return [.. content, .. SealOf(keys, objectName, content)];
    }

    /// <summary>Whether stored bytes are what <see cref="EncodeSealed"/> wrote under this name.</summary>
    internal static bool IsSealed(VaultKeys keys, string objectName, ReadOnlySpan<byte> stored) =>
        stored.Length > SealSize && CryptographicOperations.FixedTimeEquals(
            stored[^SealSize..], SealOf(keys, objectName, stored[..^SealSize]));

    private static byte[] SealOf(VaultKeys keys, string objectName, ReadOnlySpan<byte> content) =>
        Encoding.UTF8.GetBytes($",\"seal\":\"{Convert.ToBase64String(keys.SealSlot(objectName, content))}\"}}");

    /// <summary>Reads a slot. Nothing vouches for it until it unwraps; whatever it asks for is within the limits.</summary>
    /// <param name="objectName">The name that it is stored under, which its kind must fit.</param>
    /// <param name="json">The stored bytes.</param>
    /// <exception cref="DamageException">It is not a slot.</exception>
    /// <exception cref="UnusableVaultException">It is a slot of a version or kind that this program does not know.</exception>
    public static KeySlot Decode(string objectName, ReadOnlySpan<byte> json)
    {
        if (json.Length > SizeMax)
            throw new DamageException(objectName, $"has {json.Length} bytes, too many for a key slot");
        KeySlotDocument document;
        try
        {
            if (JsonSerializer.Deserialize(json, KeySlotJson.Default.KeySlotVersion) is not { Format: var format })
                throw new DamageException(objectName, "holds no key slot");
            if (format != Version)
                throw new UnusableVaultException(
                    $"{objectName} has slot format {format}; this program knows format {Version}: use a newer vbackup");
            document = JsonSerializer.Deserialize(json, KeySlotJson.Default.KeySlotDocument)!;
        }
        catch (JsonException cause)
        {
            // The cause's own message may repeat the stored text, which a stranger may have written.
            throw new DamageException(objectName,
                $"is not a key slot: its JSON is wrong in line {cause.LineNumber + 1} at byte {cause.BytePositionInLine}",
                cause);
        }

        var kind = document.Kind switch
        {
            "key-file" => KeyKind.KeyFile,
            "recovery" => KeyKind.Recovery,
            "passphrase" => KeyKind.Passphrase,
            _ => throw new UnusableVaultException(
                $"{objectName} is a key slot of a kind that this program does not know: use a newer vbackup"),
        };
        if (!TryParseName(objectName, out var ofPassphrase) || ofPassphrase != (kind == KeyKind.Passphrase))
            throw new DamageException(objectName, $"holds a key slot of kind {TextOf(kind)}, which its name does not fit");
        if (document.Wrapped.Length != WrappedSize)
            throw new DamageException(
                objectName, $"its wrapped key has {document.Wrapped.Length} bytes instead of {WrappedSize}");
        if (kind != KeyKind.Passphrase) return new(kind, document.CreatedAt, null, [], document.Wrapped);

        if (document.Argon2id is not { } argon2)
            throw new DamageException(objectName, "does not say how to use the passphrase");
        if (argon2.Salt.Length != SaltSize)
            throw new DamageException(objectName, $"its salt has {argon2.Salt.Length} bytes instead of {SaltSize}");
        var cost = new Argon2Cost(argon2.MemoryKiB, argon2.Iterations, argon2.Lanes);
        if (!cost.IsAllowed)
            throw new DamageException(objectName,
                $"asks for {cost.MemoryKiB} KiB, {cost.Iterations} iterations and {cost.Lanes} lanes, which is not allowed");
        return new(kind, document.CreatedAt, cost, argon2.Salt, document.Wrapped);
    }

    private static byte[] Seal(KeyKind kind, ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId, ReadOnlySpan<byte> dataKey)
    {
        Check(key, vaultId);
        ArgumentOutOfRangeException.ThrowIfNotEqual(dataKey.Length, KeySize, nameof(dataKey));
        var wrapped = new byte[WrappedSize];
        var nonce = wrapped.AsSpan(0, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = CipherOf(key, vaultId);
        cipher.Encrypt(
            nonce, dataKey, wrapped.AsSpan(NonceSize, KeySize), wrapped.AsSpan(NonceSize + KeySize), Associated(kind, vaultId));
        return wrapped;
    }

    private bool TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId, Span<byte> dataKey)
    {
        using var cipher = CipherOf(key, vaultId);
        try
        {
            cipher.Decrypt(
                _wrapped.AsSpan(0, NonceSize), _wrapped.AsSpan(NonceSize, KeySize), _wrapped.AsSpan(NonceSize + KeySize),
                dataKey, Associated(Kind, vaultId));
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            CryptographicOperations.ZeroMemory(dataKey);
            return false;
        }
    }

    private static AesGcm CipherOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId)
    {
        Span<byte> wrapKey = stackalloc byte[KeySize];
        try
        {
            HKDF.DeriveKey(HashAlgorithmName.SHA256, key, wrapKey, vaultId, "vbackup wrap v1"u8);
            return new AesGcm(wrapKey, TagSize);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrapKey);
        }
    }

    /// <summary>"vbackup key slot v1" ‖ vault id ‖ kind.</summary>
    private static byte[] Associated(KeyKind kind, ReadOnlySpan<byte> vaultId) =>
        [.. "vbackup key slot v1"u8, .. vaultId, .. Encoding.UTF8.GetBytes(TextOf(kind))];

    private static string TextOf(KeyKind kind) => kind switch
    {
        KeyKind.KeyFile => "key-file",
        KeyKind.Recovery => "recovery",
        KeyKind.Passphrase => "passphrase",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such kind"),
    };

    private static void Check(ReadOnlySpan<byte> key, ReadOnlySpan<byte> vaultId)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, KeySize, nameof(key));
        ArgumentOutOfRangeException.ThrowIfNotEqual(vaultId.Length, VaultIdSize, nameof(vaultId));
    }
}
