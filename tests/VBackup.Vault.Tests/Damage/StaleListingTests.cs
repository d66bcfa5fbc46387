using VBackup.Vault.Format;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>Index objects that the store lists and does not have.</summary>
public sealed class StaleListingTests(RepairFixture fixture) : IClassFixture<RepairFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    [Fact]
    public async Task An_index_object_that_is_only_listed_is_damage_that_a_repair_mends()
    {
        foreach (var name in _sample.Image.Under(ObjectNames.Indexes))
        {
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(name), store => new StaleListingStore(store, name));
            await _sample.AssertRestoresAsync(vault, []);
            var damage = Assert.Single((await SampleVault.VerifyAsync(vault)).Damages, damage => damage.ObjectName == name);
            Assert.Equal(DamageKind.Index, damage.Kind);
            foreach (var refused in (Func<Task>[])[() => vault.CollectAsync(), () => vault.BackUpAsync(new byte[100_000])])
                Assert.Equal(name, (await Assert.ThrowsAsync<DamageException>(refused)).ObjectName);

            var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
            Assert.Equal(1, repaired.IndexObjectsRemoved);
            Assert.True(repaired.Remaining.IsSound, string.Join("; ", repaired.Remaining.Damages));
            await vault.CollectAsync();
            await _sample.AssertRestoresAsync(vault, []);
        }
    }
}
