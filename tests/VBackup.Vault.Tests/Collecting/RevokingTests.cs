using VBackup.Vault.Format;
using VBackup.Vault.Tests.Damage;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Collecting;

/// <summary>Revoking rests on a decision that is created once.</summary>
public sealed class RevokingTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    [Fact]
    public async Task Nobody_is_revoked_where_the_store_creates_an_object_twice()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image, store => new ForgetfulStore(store));
        var before = await vault.ObjectsAsync(ObjectNames.Packs);
        var refused = await Assert.ThrowsAsync<UnusableVaultException>(() => vault.CollectAsync());
        Assert.Contains("cannot be revoked", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(await vault.ObjectsAsync(ObjectNames.Sessions), entry =>
            ObjectNames.TryParseSession(entry.Name, out _, out var suffix)
            && suffix is ObjectNames.RevokedSuffix or ObjectNames.DecisionSuffix && !_sample.Image.Under(entry.Name).Any());
        Assert.Equal(before, await vault.ObjectsAsync(ObjectNames.Packs));
        await _sample.AssertRestoresAsync(vault, []);
    }

    [Fact]
    public async Task A_collection_that_has_nobody_to_revoke_needs_no_such_store()
    {
        await using var vault = TestVault.Over(new ForgetfulStore(new Stores.MemoryStore()));
        var (kept, gone) = (Contents.Mixed(1, 50_000), Contents.Mixed(2, 50_000));
        var first = await vault.BackUpAsync(gone);
        var second = await vault.BackUpAsync(kept);
        await vault.DeleteAsync(first);
        Assert.True((await vault.CollectAsync()).PacksDeleted > 0);
        Contents.AssertSame(kept, await vault.RestoreAsync(second));
    }
}
