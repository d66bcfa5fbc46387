using VBackup.Primitives;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Freezing;

public sealed class GoldenVaultWriting
{
    /// <summary>Writes the golden data of the current version. Never run again once a version is released: see
    /// CONTRIBUTING.md. Run with <c>-explicit only -method '*.Write_the_golden_vault'</c>.</summary>
    [Fact(Explicit = true)]
    public async Task Write_the_golden_vault()
    {
        byte[] key = [.. Enumerable.Range(1, 32).Select(i => (byte)(7 * i))];
        byte[] recovery = [.. Enumerable.Range(1, 32).Select(i => (byte)(11 * i))];
        var passphrase = "a golden passphrase"u8.ToArray();
        using var unlock = VaultUnlock.WithKey(key);
        await using var vault = TestVault.Of(await BackupVault.CreateAsync(new MemoryStore(), unlock, 4096,
            GoldenVault.Runtime with { Clock = new StandingClock() }, default));
        using (var recoveryUnlock = VaultUnlock.WithKey(recovery, KeyKind.Recovery))
            await VaultKeySlots.AddAsync(vault.Vault, recoveryUnlock, default);
        using (var passphraseUnlock = VaultUnlock.WithPassphrase(passphrase, new(1024, 1, 1)))
            await VaultKeySlots.AddAsync(vault.Vault, passphraseUnlock, default);
        var golden = await GoldenStory.TellAsync(vault);

        var image = await StoreImage.TakeAsync(vault.Store);
        var map = await VaultMap.ReadAsync(vault);
        GoldenVault.Write(1, image, KeyText.Print(key), KeyText.Print(recovery), passphrase,
            [.. golden.Select(item => new GoldenVolume(item.Key.Point, item.Key.Volume, item.Value.Length,
                GoldenVault.Digest(item.Value)))],
            GoldenStory.Damages(image, map));
    }

    private sealed class StandingClock : TimeProvider
    {
        private long _seconds;
        public override DateTimeOffset GetUtcNow() => TestVault.Epoch.AddSeconds(_seconds++);
    }
}
