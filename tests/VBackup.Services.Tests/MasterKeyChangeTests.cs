using System.Security.Cryptography;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Platform.Secrets;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What is kept under one master key is kept under another, however often that is broken off.</summary>
public sealed class MasterKeyChangeTests
{
    [Fact]
    public async Task Every_secret_opens_with_the_new_key_alone_and_asking_again_changes_nothing()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await new ProjectKeys(world.Backup, world.Secrets).RotateAsync(world.Project, 1, default);
        var bucket = world.Ids.New<LocationId>();
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "bucket", LocationKindView.VStorage, "s3://bucket", null, null,
            "access", "secret", null, 0, IsDefault: false);
        Assert.Null((await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(bucket, wish, default)).Reason);
        var before = await SecretsAsync(world, world.Secrets, bucket);
        await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(bucket))!.CatalogueIsTaken(change.Now), default);

        using var master = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        var next = new ProjectSecrets(master);
        for (var time = 0; time < 2; time++)
            Assert.Equal(2, await world.Backup.MakeAsync(
                change => MasterKeyChange.MakeAsync(change, world.Secrets, next, default), default));
        Assert.Equal(before, await SecretsAsync(world, next, bucket));
        await Assert.ThrowsAsync<WrongMasterKeyException>(() => SecretsAsync(world, world.Secrets, bucket));
        // Each vault's copy of the project's key is under the old one still, and that it was saved just before is no reason to wait.
        Assert.All(await world.Backup.MakeAsync(change => Task.FromResult(change.Db.Locations.ToList()), default),
            location => Assert.Equal((true, null), (location.IsCatalogueStale, location.CatalogueTriedAt)));
    }

    [Fact]
    public async Task With_two_keys_of_which_none_fits_nothing_is_changed()
    {
        await using var world = await ServiceWorld.MakeAsync();
        using var one = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        using var other = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        await Assert.ThrowsAsync<WrongMasterKeyException>(() => world.Backup.MakeAsync(
            change => MasterKeyChange.MakeAsync(change, new(one), new(other), default), default));
        var key = await world.Backup.MakeAsync(async change => (await change.Db.Keys.FindAsync(world.Project))!, default);
        Assert.Equal(32, world.Secrets.UnwrapKey(world.Project, key.Wrapped).Length);
    }

    /// <summary>It lies in vaults: the bytes were made by another program, from docs/vault-format.md.</summary>
    [Fact]
    public void A_key_that_another_program_has_locked_opens_for_ever()
    {
        using var master = new MasterKey([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);
        var wrapped = Convert.FromHexString("01000102030405060708090a0b155567f0a0b40b606346dc2e14e985fe5de2cbe206e"
            + "60007b13503c2dc54b0b8ba1998c1d5fc1f0e9e2b30f139744806");
        var project = new ProjectId(new("00000001-0000-7000-8000-000000000000"));
        Assert.Equal(Enumerable.Range(100, 32).Select(i => (byte)i), new ProjectSecrets(master).UnwrapKey(project, wrapped));
    }

    static async Task<List<string>> SecretsAsync(ServiceWorld world, ProjectSecrets secrets, LocationId bucket)
    {
        var (key, location) = await world.Backup.MakeAsync(async change =>
            ((await change.Db.Keys.FindAsync(world.Project))!, (await change.Db.Locations.FindAsync(bucket))!), default);
        byte[][] opened = [secrets.UnwrapKey(world.Project, key.Wrapped), secrets.UnwrapKey(world.Project, key.WrappedPrevious!),
            secrets.UnwrapSecretKey(bucket, location.WrappedSecretKey!)];
        return [.. opened.Select(Convert.ToHexString)];
    }
}
