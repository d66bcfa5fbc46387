using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;

namespace VBackup.Vault.Format.Keys;

/// <summary>Makes a key of a passphrase: Argon2id, version 0x13, without secret and associated data.</summary>
public static class Argon2id
{
    /// <summary>Fills <paramref name="key"/>. Takes about a second and <see cref="Argon2Cost.MemoryKiB"/> of memory.</summary>
    /// <param name="passphrase">UTF-8 bytes, as they are: nothing is trimmed or normalized.</param>
    /// <param name="salt">At least 8 bytes.</param>
    /// <param name="cost">Within its limits.</param>
    /// <param name="key">At least 4 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The cost is not allowed, or the salt or the key is too short.</exception>
    public static void Derive(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Cost cost, Span<byte> key)
    {
        if (!cost.IsAllowed) throw new ArgumentOutOfRangeException(nameof(cost), cost, "not a cost that is allowed");
        ArgumentOutOfRangeException.ThrowIfLessThan(salt.Length, 8, nameof(salt));
        ArgumentOutOfRangeException.ThrowIfLessThan(key.Length, 4, nameof(key));
        var parameters = new Argon2Parameters.Builder(Argon2Parameters.Argon2id)
            .WithVersion(Argon2Parameters.Version13)
            .WithSalt(salt.ToArray())
            .WithMemoryAsKB(cost.MemoryKiB)
            .WithIterations(cost.Iterations)
            .WithParallelism(cost.Lanes)
            .Build();
        var generator = new Argon2BytesGenerator();
        generator.Init(parameters);
        // BouncyCastle takes arrays. They are pinned so that the collector leaves no copies behind.
        var password = GC.AllocateUninitializedArray<byte>(passphrase.Length, pinned: true);
        var output = GC.AllocateUninitializedArray<byte>(key.Length, pinned: true);
        try
        {
            passphrase.CopyTo(password);
            generator.GenerateBytes(password, output);
            output.CopyTo(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(password);
            CryptographicOperations.ZeroMemory(output);
        }
    }
}
