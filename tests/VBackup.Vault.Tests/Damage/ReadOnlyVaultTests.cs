using VBackup.DataPath;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>A vault on a disk that was mounted read-only after a fault, or that is full, is the one to restore from.</summary>
public sealed class ReadOnlyVaultTests
{
    [Theory]
    [InlineData(StoreFailure.Refused)]
    [InlineData(StoreFailure.Full)]
    public async Task A_vault_that_may_only_be_read_is_restored_from(StoreFailure failure)
    {
        var sample = await SampleVault.MakeAsync();
        await using var vault = await SampleVault.OpenAsync(sample.Image, store => new ReadOnlyStore(store, failure));
        foreach (var point in sample.Map.Points)
        {
            await using var reading = await PointReading.BeginAsync(vault.Vault, "restore", point, default);
            Assert.Contains("may only be read", reading.Refusal, StringComparison.Ordinal);
            foreach (var volume in point.Volumes)
            {
                var target = MemoryVolume.Blank(volume.LengthBytes);
                await new ImportPipeline(reading.Reader, vault.Vault.ChunkSize, vault.Options).ImportAsync(
                    VolumeTree.Open(reading.Reader, point, volume), target, new(), null, default);
                Contents.AssertSame(sample.Contents[(point.Id, volume.Name)], target.Content);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_vault_that_may_only_be_read_is_verified(bool allData)
    {
        var sample = await SampleVault.MakeAsync();
        await using var vault = await SampleVault.OpenAsync(sample.Image, store => new ReadOnlyStore(store));
        var result = await SampleVault.VerifyAsync(vault, allData);
        Assert.True(result.IsSound);
        Assert.Contains("may only be read", result.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_vault_that_may_only_be_read_is_not_repaired()
    {
        var sample = await SampleVault.MakeAsync();
        await using var vault = await SampleVault.OpenAsync(sample.Image, store => new ReadOnlyStore(store));
        var refused = await Assert.ThrowsAsync<StoreException>(() => Repairer.RunAsync(vault.Vault, [], null, default));
        Assert.Equal(StoreFailure.Refused, refused.Failure);
    }

    [Fact]
    public async Task A_vault_that_may_be_written_takes_a_session()
    {
        var sample = await SampleVault.MakeAsync();
        await using var vault = await SampleVault.OpenAsync(sample.Image);
        Assert.Null((await SampleVault.VerifyAsync(vault)).Refusal);
    }
}
