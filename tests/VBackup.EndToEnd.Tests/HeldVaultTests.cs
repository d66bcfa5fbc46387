using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A vault in a bucket with object lock, and somebody who has stolen the credentials of the bucket's owner.</summary>
public sealed class HeldVaultTests
{
    [Fact]
    public async Task Whoever_has_the_owners_credentials_destroys_nothing_that_a_held_point_needs()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync(isLocked: true);
        await using var vault = new CliVault($"s3://{bucket.Name}/vault") { Variables = S3Bucket.Variables };
        await vault.InitAsync();
        var first = Contents.Mixed(1, 12_000_000);
        await vault.BackUpAsync(first, "--hold-days", "1");
        await vault.BackUpAsync(Contents.Change(2, first, 100).Content, "--hold-days", "1", "--base", vault.Complete.Keys.First());
        await vault.CheckAllAsync();

        Assert.True(await bucket.DestroyAsync() > 4);
        Assert.Empty(await bucket.ObjectsAsync());
        Assert.Equal(vault.Complete.Keys.Order(), (await vault.PointsAsync()).Order());
        foreach (var point in vault.Complete.Keys) await vault.RestoreAndCompareAsync(point);

        // The vault goes on: the index, which is not held, is made again, and the next backup builds on what is there.
        (await vault.RunAsync("repair")).Expect(0);
        await vault.CheckAllAsync();
        await vault.BackUpAsync(Contents.Change(3, first, 50).Content, "--hold-days", "1", "--base", vault.Complete.Keys.First());
        (await vault.RunAsync("gc", "--hold-days", "1")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Fact]
    public async Task A_held_point_is_not_deleted_and_a_collection_goes_on_beside_it()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync(isLocked: true);
        await using var vault = new CliVault($"s3://{bucket.Name}/vault") { Variables = S3Bucket.Variables };
        await vault.InitAsync();
        var content = Contents.Mixed(1, 6_000_000);
        await vault.BackUpAsync(content, "--hold-days", "1");
        var held = vault.Complete.Keys.Single();
        await vault.BackUpAsync(Contents.Mixed(2, 6_000_000));
        var refused = (await vault.RunAsync("delete", held)).Expect(1);
        Assert.Contains("the store holds it until", Assert.Single(refused.Errors), StringComparison.Ordinal);

        await vault.DeleteAsync(vault.Complete.Keys.Last());
        var collected = (await vault.RunAsync("gc")).Expect(0).Last;
        Assert.True(collected.GetProperty("packsDeleted").GetInt32() > 0);
        await vault.CheckAllAsync();
        Assert.DoesNotContain(await bucket.VersionsAsync(), version => version.IsDeleteMarker == true);
    }

    [Fact]
    public async Task Credentials_confined_to_a_prefix_suffice_to_hold_points_there()
    {
        await using var user = await ConfinedUser.MakeAsync();
        await using var bucket = await S3Bucket.MakeAsync(isLocked: true);
        await bucket.AllowAsync(user.PolicyFor(bucket.Name, holds: true));
        await using var vault = new CliVault($"s3://{bucket.Name}/{ConfinedUser.Prefix}") { Variables = user.Variables };
        await vault.InitAsync();
        var first = Contents.Mixed(1, 6_000_000);
        await vault.BackUpAsync(first, "--hold-days", "1");
        await vault.BackUpAsync(Contents.Change(2, first, 20).Content, "--hold-days", "1", "--base", vault.Complete.Keys.First());
        await vault.BackUpAsync(Contents.Mixed(3, 6_000_000));
        await vault.DeleteAsync(vault.Complete.Keys.Last());
        (await vault.RunAsync("gc", "--hold-days", "1")).Expect(0);
        await vault.CheckAllAsync();
    }

    [Theory]
    [InlineData("s3:PutObjectRetention")]
    [InlineData("s3:GetObjectRetention")]
    public async Task Credentials_that_may_not_hold_are_told_so_before_anything_is_to_be_held(string denied)
    {
        await using var user = await ConfinedUser.MakeAsync();
        await using var bucket = await S3Bucket.MakeAsync(isLocked: true);
        await bucket.AllowAsync(user.PolicyFor(bucket.Name, holds: true, denied: denied));
        await using var vault = new CliVault($"s3://{bucket.Name}/{ConfinedUser.Prefix}") { Variables = user.Variables };
        (await CliProcess.RunAsync(["key", "new", vault["key"]])).Expect(0);
        var made = (await vault.RunAsync("init")).Expect(0);
        var note = Assert.Single(made.Output, line => line.Contains("does not let objects be held", StringComparison.Ordinal));
        Assert.Contains($"takes {denied}", note, StringComparison.Ordinal);
        Assert.DoesNotContain(await bucket.ObjectsAsync(), name => name.Contains("probe/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bucket_without_object_lock_gets_no_point_that_is_to_be_held()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync();
        await using var vault = new CliVault($"s3://{bucket.Name}/vault") { Variables = S3Bucket.Variables };
        await vault.InitAsync();
        await File.WriteAllBytesAsync(vault.Source, Contents.Mixed(1, 100_000));
        var run = await CliProcess.RunAsync(vault.BackupArguments("--hold-days", "1"), vault.Variables, folder: vault.Folder);
        var refused = run.Expect(1);
        Assert.Contains("cannot hold them", Assert.Single(refused.Errors), StringComparison.Ordinal);
        Assert.Empty(await vault.PointsAsync());
    }
}
