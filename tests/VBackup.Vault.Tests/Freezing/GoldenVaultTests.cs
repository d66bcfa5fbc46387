using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Freezing;

/// <summary>Vaults of every format version are opened, restored and verified for ever.</summary>
public sealed class GoldenVaultTests
{
    private readonly GoldenVault _golden = GoldenVault.Read(1);

    public static TheoryData<string> Damages => [.. GoldenVault.Read(1).Damages.Select(damage => damage.Name)];

    [Fact]
    public async Task A_vault_of_version_1_restores_and_verifies()
    {
        await using var vault = await _golden.OpenAsync(_golden.Image);
        Assert.Equal(_golden.Volumes.Select(volume => volume.Point).Distinct().Order(StringComparer.Ordinal),
            (await vault.PointsAsync()).Select(point => point.Id).Order(StringComparer.Ordinal));
        var result = await SampleVault.VerifyAsync(vault);
        Assert.True(result.IsSound, string.Join("; ", result.Damages));
        await AssertRestoresAsync(vault, []);
    }

    [Fact]
    public async Task A_vault_of_version_1_opens_with_each_of_its_keys_and_with_no_other()
    {
        var recovery = new byte[KeyText.KeySize];
        KeyText.Parse(_golden.RecoveryKey, recovery);
        using var byRecovery = VaultUnlock.WithKey(recovery, KeyKind.Recovery);
        await (await BackupVault.OpenAsync(await _golden.Image.ToStoreAsync(), byRecovery, GoldenVault.Runtime, default)).DisposeAsync();
        using var byPassphrase = VaultUnlock.WithPassphrase(_golden.Passphrase);
        await (await BackupVault.OpenAsync(await _golden.Image.ToStoreAsync(), byPassphrase, GoldenVault.Runtime, default)).DisposeAsync();
        using var wrong = VaultUnlock.WithKey(new byte[KeyText.KeySize]);
        var store = await _golden.Image.ToStoreAsync();
        await Assert.ThrowsAsync<UnusableVaultException>(() => BackupVault.OpenAsync(store, wrong, GoldenVault.Runtime, default));
    }

    [Fact]
    public async Task A_vault_of_version_1_can_be_gone_on_with()
    {
        await using var vault = await _golden.OpenAsync(_golden.Image);
        var last = (await vault.PointsAsync())[^1];
        List<(string, byte[])> volumes = [];
        foreach (var volume in last.Volumes) volumes.Add((volume.Name, await vault.RestoreAsync(last, volume.Name)));
        var same = await vault.BackUpAsync(volumes, last);
        Assert.Equal(PointType.Incremental, same.Type);
        Assert.Equal(0, same.Volumes.Sum(volume => volume.StoredBytes));
        await vault.CollectAsync();
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        await AssertRestoresAsync(vault, []);
    }

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task A_damaged_vault_of_version_1_is_found_and_restores_nothing_wrong(string name)
    {
        var damage = _golden.Damages.Single(item => item.Name == name);
        var image = damage.Apply(_golden.Image);
        if (damage.Found is null)
        {
            var refused = await Record.ExceptionAsync(async () => await (await _golden.OpenAsync(image)).DisposeAsync());
            Assert.True(refused is DamageException or UnusableVaultException, $"{refused}");
            return;
        }
        await using var vault = await _golden.OpenAsync(image);
        var result = await SampleVault.VerifyAsync(vault);
        Assert.Equal(damage.Found, result.Damages.Select(item => item.ObjectName));
        var expected = damage.Affected.GroupBy(extent => (extent.Point, extent.Volume))
            .ToDictionary(group => group.Key, group => group.Select(extent => extent.Range).ToList());
        Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
        await AssertRestoresAsync(vault, expected);
    }

    [Fact]
    public void The_golden_data_is_small_and_has_every_kind_of_object()
    {
        var files = Directory.EnumerateFiles(GoldenVault.Folder(1), "*", SearchOption.AllDirectories).ToList();
        Assert.True(files.Sum(file => new FileInfo(file).Length) < 200 * 1024);
        foreach (var prefix in (string[])[ObjectNames.Header, ObjectNames.Keys, ObjectNames.Packs, ObjectNames.Indexes, ObjectNames.Points,
            ObjectNames.Sessions])
            Assert.NotEmpty(_golden.Image.Under(prefix));
        Assert.Contains(_golden.Image.Names, name => name.EndsWith(ObjectNames.DecisionSuffix, StringComparison.Ordinal));
        Assert.True(_golden.Damages.Count >= 15);
    }

    private async Task AssertRestoresAsync(TestVault vault, Dictionary<(string Point, string Volume), List<Extent>> affected)
    {
        foreach (var expected in _golden.Volumes)
        {
            Assert.True(PointId.TryParse(expected.Point, out var id));
            // A point that is itself damaged cannot be read; a damaged point is no wrong point.
            PointDocument? point = null;
            var unreadable = await Record.ExceptionAsync(async () => point = await vault.Vault.FindPointAsync(id, default));
            Assert.True(unreadable is null or DamageException, $"{unreadable}");
            if (point is null) continue;
            if (affected.ContainsKey((expected.Point, expected.Volume)))
                await Assert.ThrowsAsync<DamageException>(() => vault.RestoreAsync(point, expected.Volume));
            else
                Assert.Equal(expected.Sha256, GoldenVault.Digest(await vault.RestoreAsync(point, expected.Volume)));
        }
    }
}
