using System.Security.Cryptography;
using System.Text.Json;
using VBackup.Primitives;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Tests.World;

namespace VBackup.Vault.Tests.Freezing;

/// <summary>
/// A vault that was written once, kept in the repository as it was, with what it must be restored to and what is found when
/// it is damaged. Its keys are test vectors and open nothing else.
/// </summary>
internal sealed class GoldenVault
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true, NewLine = "\n" };

    private GoldenVault(string folder)
    {
        Image = StoreImage.OfFolder(Path.Combine(folder, "vault"));
        KeyFile = File.ReadAllText(Path.Combine(folder, "test-key.txt"));
        RecoveryKey = File.ReadAllText(Path.Combine(folder, "test-recovery-key.txt"));
        Passphrase = File.ReadAllBytes(Path.Combine(folder, "test-passphrase.txt"));
        Volumes = Read<List<GoldenVolume>>(folder, "volumes.json");
        Damages = Read<List<GoldenDamage>>(folder, "damages.json");
    }

    public StoreImage Image { get; }
    public string KeyFile { get; }
    public string RecoveryKey { get; }
    public byte[] Passphrase { get; }
    public IReadOnlyList<GoldenVolume> Volumes { get; }
    public IReadOnlyList<GoldenDamage> Damages { get; }

    public static string Folder(int version)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "vBackup.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("vBackup.slnx is in no folder above the test");
        return Path.Combine(folder.FullName, "tests", "VBackup.Vault.Tests", "golden", $"v{version}");
    }

    public static GoldenVault Read(int version) => new(Folder(version));

    public static void Write(int version, StoreImage image, string key, string recoveryKey, byte[] passphrase,
        IReadOnlyList<GoldenVolume> volumes, IReadOnlyList<GoldenDamage> damages)
    {
        var folder = Folder(version);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        image.WriteFolder(Path.Combine(folder, "vault"));
        File.WriteAllText(Path.Combine(folder, "test-key.txt"), key + "\n");
        File.WriteAllText(Path.Combine(folder, "test-recovery-key.txt"), recoveryKey + "\n");
        File.WriteAllBytes(Path.Combine(folder, "test-passphrase.txt"), passphrase);
        File.WriteAllText(Path.Combine(folder, "volumes.json"), JsonSerializer.Serialize(volumes, s_json) + "\n");
        File.WriteAllText(Path.Combine(folder, "damages.json"), JsonSerializer.Serialize(damages, s_json) + "\n");
    }

    /// <summary>Opens an image of the vault with the key file.</summary>
    public async Task<TestVault> OpenAsync(StoreImage image)
    {
        var key = new byte[KeyText.KeySize];
        KeyText.Parse(KeyFile, key);
        using var unlock = VaultUnlock.WithKey(key);
        return TestVault.Of(await BackupVault.OpenAsync(await image.ToStoreAsync(), unlock, Runtime, default));
    }

    public static VaultRuntime Runtime => new() { BeatInterval = null, PackSizeTarget = 32 * 1024 };

    public static string Digest(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private static T Read<T>(string folder, string file) =>
        JsonSerializer.Deserialize<T>(File.ReadAllText(Path.Combine(folder, file)), s_json)!;
}

/// <summary>What a volume of a point must be restored to.</summary>
internal sealed record GoldenVolume(string Point, string Volume, long LengthBytes, string Sha256);

/// <summary>One way to damage the sound vault, and what is found then.</summary>
/// <param name="Object">Which object is changed.</param>
/// <param name="Xor">For a flip: the mask for the byte at <paramref name="Offset"/>.</param>
/// <param name="CutTo">For one that is cut short: bytes that are left.</param>
/// <param name="Becomes">For one that is replaced: the object whose bytes it gets. Empty: the object is gone.</param>
/// <param name="Found">Objects that a verification of all data names. Null: the vault must not open.</param>
internal sealed record GoldenDamage(
    string Name, string Object, int Offset, byte Xor, int? CutTo, string? Becomes, IReadOnlyList<string>? Found,
        IReadOnlyList<GoldenExtent> Affected)
{
    public StoreImage Apply(StoreImage image) =>
        Becomes is { Length: 0 } ? image.Without(Object)
        : Becomes is { } other ? image.With(Object, image[other])
        : CutTo is { } left ? image.Truncate(Object, left)
        : image.Flip(Object, Offset, Xor);
}

/// <summary>A range that is lost.</summary>
internal sealed record GoldenExtent(string Point, string Volume, long Offset, long Length)
{
    public Extent Range => new(Offset, Length);
}
