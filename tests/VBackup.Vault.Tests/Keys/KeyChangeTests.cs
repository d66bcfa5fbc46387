using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using Xunit;

namespace VBackup.Vault.Tests.Keys;

/// <summary>Keys are lost, replaced, listed and taken away.</summary>
public sealed class KeyChangeTests : IAsyncDisposable
{
    private static readonly VaultRuntime s_runtime = new() { BeatInterval = null };
    private static readonly byte[] s_lost = Key(1), s_new = Key(2), s_other = Key(3);

    private readonly MemoryStore _store = new();

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task With_the_recovery_key_a_lost_key_file_is_replaced_and_the_recovery_key_stays()
    {
        var recovery = await MakeAsync();
        using var added = VaultUnlock.WithKey(s_new);
        var rotation = await VaultKeySlots.RotateAsync(await OpenAsync(recovery), added, default);
        Assert.Equal(KeyKind.KeyFile, Assert.Single(rotation.Removed).Kind);
        Assert.Equal(KeyKind.Recovery, Assert.Single(rotation.Kept).Kind);
        await AssertOpensAsync(s_new, recovery);
        await AssertRefusedAsync(s_lost);
    }

    [Fact]
    public async Task With_the_recovery_key_every_key_file_is_replaced_and_passphrases_only_by_a_passphrase()
    {
        var recovery = await MakeAsync();
        using var other = VaultUnlock.WithKey(s_other);
        await VaultKeySlots.AddAsync(await OpenAsync(s_lost), other, default);
        using var phrase = Phrase("correct horse"u8);
        await VaultKeySlots.AddAsync(await OpenAsync(s_lost), phrase, default);

        using var added = VaultUnlock.WithKey(s_new);
        await VaultKeySlots.RotateAsync(await OpenAsync(recovery), added, default);
        await AssertOpensAsync(s_new, recovery);
        await AssertRefusedAsync(s_lost);
        await AssertRefusedAsync(s_other);
        await BackupVault.OpenAsync(_store, phrase, s_runtime, default);

        using var nextPhrase = Phrase("battery staple"u8);
        await VaultKeySlots.RotateAsync(await OpenAsync(recovery), nextPhrase, default);
        await BackupVault.OpenAsync(_store, nextPhrase, s_runtime, default);
        await AssertOpensAsync(recovery);
        await AssertRefusedAsync(s_new);
        await Assert.ThrowsAsync<UnusableVaultException>(() => BackupVault.OpenAsync(_store, phrase, s_runtime, default));
    }

    [Fact]
    public async Task With_a_key_file_or_a_passphrase_only_that_one_is_replaced()
    {
        var recovery = await MakeAsync();
        using var other = VaultUnlock.WithKey(s_other);
        await VaultKeySlots.AddAsync(await OpenAsync(s_lost), other, default);
        using var added = VaultUnlock.WithKey(s_new);
        await VaultKeySlots.RotateAsync(await OpenAsync(s_lost), added, default);
        await AssertRefusedAsync(s_lost);
        await AssertOpensAsync(s_new, s_other, recovery);

        using var phrase = Phrase("correct horse"u8);
        await VaultKeySlots.AddAsync(await OpenAsync(s_new), phrase, default);
        using var again = VaultUnlock.WithKey(s_lost);
        await VaultKeySlots.RotateAsync(await BackupVault.OpenAsync(_store, phrase, s_runtime, default), again, default);
        await Assert.ThrowsAsync<UnusableVaultException>(() => BackupVault.OpenAsync(_store, phrase, s_runtime, default));
        await AssertOpensAsync(s_new, s_other, s_lost, recovery);
    }

    [Fact]
    public async Task Slots_are_listed_with_their_kinds_and_the_one_that_opened_the_vault()
    {
        var recovery = await MakeAsync();
        using var phrase = Phrase("correct horse"u8);
        await VaultKeySlots.AddAsync(await OpenAsync(s_lost), phrase, default);
        await _store.PutAsync(ObjectNames.Keys + new string('0', 32), "{}"u8.ToArray(), default);
        var slots = await VaultKeySlots.ListAsync(await OpenAsync(recovery), default);
        Assert.Equal([KeyKind.KeyFile, KeyKind.Passphrase, KeyKind.Recovery, null],
            slots.Select(slot => slot.Kind).Order(Comparer<KeyKind?>.Create(
            (left, right) => (left is null, left?.ToString()).CompareTo((right is null, right?.ToString())))));
        Assert.Equal(KeyKind.Recovery, Assert.Single(slots, slot => slot.IsOpener).Kind);
        Assert.NotNull(Assert.Single(slots, slot => slot.Problem is not null && slot.Kind is null));
    }

    [Fact]
    public async Task A_slot_that_was_altered_is_listed_as_such()
    {
        await MakeAsync();
        var vault = await OpenAsync(s_lost);
        var name = ObjectNames.Keys + (await VaultKeySlots.ListAsync(vault, default)).Single(slot => slot.Kind == KeyKind.Recovery).Id;
        var bytes = await _store.GetAsync(name, KeySlot.SizeMax, default);
        bytes[bytes.AsSpan().IndexOf("createdAt\":\"20"u8) + 14] ^= 1;
        await _store.PutAsync(name, bytes, default);
        Assert.Contains("altered", Assert.Single(await VaultKeySlots.ListAsync(vault, default), slot => slot.Problem is not null).Problem!,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_slot_opens_nothing_and_the_one_that_opened_the_vault_is_never_removed()
    {
        var recovery = await MakeAsync();
        var vault = await OpenAsync(recovery);
        var slots = await VaultKeySlots.ListAsync(vault, default);
        var (own, lost) = (slots.Single(slot => slot.IsOpener), slots.Single(slot => !slot.IsOpener));
        await Assert.ThrowsAsync<UnusableVaultException>(() => VaultKeySlots.RemoveAsync(vault, own.Id, default));
        foreach (var unknown in (string[])["", "no such slot", new('f', 33)])
            await Assert.ThrowsAsync<UnusableVaultException>(() => VaultKeySlots.RemoveAsync(vault, unknown, default));
        Assert.Equal(lost, await VaultKeySlots.RemoveAsync(vault, lost.Id[..8], default));
        await AssertRefusedAsync(s_lost);
        // The last one.
        await Assert.ThrowsAsync<UnusableVaultException>(() => VaultKeySlots.RemoveAsync(vault, own.Id, default));
        await AssertOpensAsync(recovery);
    }

    [Fact]
    public async Task Two_who_remove_each_others_slot_are_not_both_shut_out()
    {
        var recovery = await MakeAsync();
        var (one, other) = (await OpenAsync(s_lost), await OpenAsync(recovery));
        var slots = await VaultKeySlots.ListAsync(one, default);
        var removing = new RemovedMeanwhile(_store, ObjectNames.Keys + slots.Single(slot => slot.IsOpener).Id);
        using var unlock = VaultUnlock.WithKey(s_lost);
        var vault = await BackupVault.OpenAsync(removing, unlock, s_runtime, default);
        await VaultKeySlots.RemoveAsync(vault, slots.Single(slot => !slot.IsOpener).Id, default);
        Assert.True(removing.Happened);
        await AssertOpensAsync(s_lost);
        Assert.Equal(one.Header, other.Header);
    }

    private sealed class RemovedMeanwhile(IObjectStore inner, string victim) : DecoratingStore(inner)
    {
        public bool Happened { get; private set; }

        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            if (operation == StoreOperation.Delete)
            {
                await Inner.DeleteAsync(victim, cancellation);
                Happened = true;
            }
            return await run(cancellation);
        }
    }

    private static byte[] Key(int seed)
    {
        var key = new byte[KeyText.KeySize];
        new Random(seed).NextBytes(key);
        return key;
    }

    /// <summary>A vault made with the key file that will be lost.</summary>
    /// <returns>Its recovery key.</returns>

    [Fact]
    public async Task One_key_takes_the_place_of_another_and_asking_twice_changes_nothing_more()
    {
        await MakeAsync();
        using var old = VaultUnlock.WithKey(s_lost);
        using var next = VaultUnlock.WithKey(s_new);
        for (var time = 0; time < 2; time++)
        {
            var vault = await OpenAsync(time == 0 ? s_lost : s_new);
            Assert.Equal(time == 0, await VaultKeySlots.HasAsync(vault, old, default));
            await VaultKeySlots.EnsureAsync(vault, next, default);
            await VaultKeySlots.GiveUpAsync(vault, old, default);
        }
        await AssertRefusedAsync(s_lost);
        Assert.True(await VaultKeySlots.HasAsync(await OpenAsync(s_new), next, default));
    }

    [Fact]
    public async Task Once_erased_no_key_opens_it_and_nothing_can_be_made_in_its_place()
    {
        var recovery = await MakeAsync();
        await VaultKeySlots.EraseAsync(_store, default);
        await VaultKeySlots.EraseAsync(_store, default);
        foreach (var key in (byte[][])[s_lost, recovery]) await Assert.ThrowsAsync<DamageException>(() => OpenAsync(key));
    }

    private async Task<byte[]> MakeAsync()
    {
        using var unlock = VaultUnlock.WithKey(s_lost);
        var vault = await BackupVault.CreateAsync(_store, unlock, FormatLimits.ChunkSizeMin, s_runtime, default);
        var recovery = new byte[KeyText.KeySize];
        KeyText.Parse(await VaultKeySlots.AddRecoveryKeyAsync(vault, default), recovery);
        return recovery;
    }

    private async Task<BackupVault> OpenAsync(byte[] key)
    {
        using var unlock = VaultUnlock.WithKey(key);
        return await BackupVault.OpenAsync(_store, unlock, s_runtime, default);
    }

    private async Task AssertOpensAsync(params byte[][] keys)
    {
        foreach (var key in keys) await OpenAsync(key);
    }

    private async Task AssertRefusedAsync(byte[] key) => await Assert.ThrowsAsync<UnusableVaultException>(() => OpenAsync(key));

    private static VaultUnlock Phrase(ReadOnlySpan<byte> text) => VaultUnlock.WithPassphrase(text, new Argon2Cost(64, 1, 2));
}
