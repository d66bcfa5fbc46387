using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Keys;

public sealed class OpeningTests : IAsyncDisposable
{
    private static readonly VaultRuntime s_runtime = new() { BeatInterval = null };
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] s_otherKey = [.. Enumerable.Range(101, 32).Select(i => (byte)i)];

    private readonly MemoryStore _store = new();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task A_vault_opens_with_the_key_that_it_was_made_with()
    {
        var made = await CreateAsync();
        var opened = await OpenAsync(s_key);
        Assert.Equal(made.Header, opened.Header);
        Assert.Equal(made.ChunkId("content"u8), opened.ChunkId("content"u8));
    }

    [Fact]
    public async Task The_slot_of_a_creation_that_was_broken_off_before_the_header_does_not_stay_beside_the_vaults_own()
    {
        await CreateAsync();
        await _store.DeleteAsync(ObjectNames.Header, default);
        await CreateAsync();
        List<string> slots = [];
        await foreach (var entry in _store.ListAsync(ObjectNames.Keys, default)) slots.Add(entry.Name);
        Assert.Single(slots);
        await OpenAsync(s_key);
    }

    [Fact]
    public async Task A_wrong_key_is_told_to_be_one()
    {
        await CreateAsync();
        var refusal = await Assert.ThrowsAsync<UnusableVaultException>(() => OpenAsync(s_otherKey));
        Assert.StartsWith("this key does not open the vault at ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_all_key_slots_are_gone_is_not_blamed_on_the_key()
    {
        await CreateAsync();
        List<string> slots = [];
        await foreach (var entry in _store.ListAsync(ObjectNames.Keys, default)) slots.Add(entry.Name);
        foreach (var slot in slots) await _store.DeleteAsync(slot, default);
        var damage = await Assert.ThrowsAsync<DamageException>(() => OpenAsync(s_key));
        Assert.Contains("there is no key slot", damage.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_the_header_is_gone_is_damage_and_no_empty_place()
    {
        await TestVault.Of(await CreateAsync()).BackUpAsync([1, 2, 3]);
        await _store.DeleteAsync(ObjectNames.Header, default);
        var damage = await Assert.ThrowsAsync<DamageException>(() => OpenAsync(s_key));
        Assert.Equal(ObjectNames.Header, damage.ObjectName);
    }

    [Fact]
    public async Task A_store_without_a_header_is_not_a_vault()
    {
        var refusal = await Assert.ThrowsAsync<UnusableVaultException>(() => OpenAsync(s_key));
        Assert.Contains("is not a vault", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_vault_is_made_over_another_one()
    {
        await CreateAsync();
        var refusal = await Assert.ThrowsAsync<UnusableVaultException>(CreateAsync);
        Assert.Contains("there is a vault", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_vault_is_made_among_other_things()
    {
        await _store.PutAsync("letters/to-grandmother", new byte[1], default);
        var refusal = await Assert.ThrowsAsync<UnusableVaultException>(CreateAsync);
        Assert.Contains("is not empty", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_creation_that_was_broken_off_before_the_header_can_be_begun_anew()
    {
        await CreateAsync();
        await _store.DeleteAsync(ObjectNames.Header, default);
        await Assert.ThrowsAsync<UnusableVaultException>(() => OpenAsync(s_key));
        await CreateAsync();
        await OpenAsync(s_key);
    }

    [Fact]
    public async Task An_altered_header_is_damage()
    {
        await CreateAsync();
        var header = await _store.GetAsync(ObjectNames.Header, VaultHeader.Size, default);
        header[^1] ^= 1;
        await _store.PutAsync(ObjectNames.Header, header, default);
        await Assert.ThrowsAsync<DamageException>(() => OpenAsync(s_key));
    }

    [Fact]
    public async Task After_a_rotation_the_new_key_opens_and_the_old_one_does_not()
    {
        var vault = await CreateAsync();
        using var next = VaultUnlock.WithKey(s_otherKey);
        await VaultKeySlots.RotateAsync(vault, next, default);
        Assert.Equal(vault.ChunkId("content"u8), (await OpenAsync(s_otherKey)).ChunkId("content"u8));
        await Assert.ThrowsAsync<UnusableVaultException>(() => OpenAsync(s_key));
    }

    [Fact]
    public async Task A_rotation_to_the_same_key_is_refused_and_the_key_still_opens()
    {
        var vault = await CreateAsync();
        using var same = VaultUnlock.WithKey(s_key);
        await Assert.ThrowsAsync<UnusableVaultException>(() => VaultKeySlots.RotateAsync(vault, same, default));
        await OpenAsync(s_key);
    }

    [Fact]
    public async Task A_passphrase_opens_beside_the_key_and_another_one_does_not()
    {
        var vault = await CreateAsync();
        using var phrase = Phrase("correct horse"u8);
        await VaultKeySlots.AddAsync(vault, phrase, default);
        await BackupVault.OpenAsync(_store, phrase, s_runtime, default);
        await OpenAsync(s_key);
        using var wrong = Phrase("battery staple"u8);
        var refusal = await Assert.ThrowsAsync<UnusableVaultException>(
            () => BackupVault.OpenAsync(_store, wrong, s_runtime, default));
        Assert.StartsWith("this passphrase does not open", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_printed_recovery_key_opens_the_vault_when_the_key_file_is_gone()
    {
        var vault = await CreateAsync();
        var text = await VaultKeySlots.AddRecoveryKeyAsync(vault, default);
        var key = new byte[KeyText.KeySize];
        KeyText.Parse(text, key);
        Assert.Equal(vault.Header, (await OpenAsync(key)).Header);
    }

    private async Task<BackupVault> CreateAsync()
    {
        using var unlock = VaultUnlock.WithKey(s_key);
        return await BackupVault.CreateAsync(_store, unlock, FormatLimits.ChunkSizeMin, s_runtime, default);
    }

    private async Task<BackupVault> OpenAsync(byte[] key)
    {
        using var unlock = VaultUnlock.WithKey(key);
        return await BackupVault.OpenAsync(_store, unlock, s_runtime, default);
    }

    private static VaultUnlock Phrase(ReadOnlySpan<byte> text) => VaultUnlock.WithPassphrase(text, new Argon2Cost(64, 1, 2));
}
