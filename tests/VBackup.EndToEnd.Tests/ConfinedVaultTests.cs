using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A vault whose credentials may do nothing but what a vault needs, below its prefix.</summary>
public sealed class ConfinedVaultTests
{
    [Fact]
    public async Task Credentials_confined_to_a_prefix_suffice_for_everything_and_reach_nothing_else()
    {
        await using var user = await ConfinedUser.MakeAsync();
        await using var bucket = await S3Bucket.MakeAsync();
        await bucket.AllowAsync(user.PolicyFor(bucket.Name));
        await using var vault = new CliVault($"s3://{bucket.Name}/{ConfinedUser.Prefix}") { Variables = user.Variables };
        await vault.InitAsync();
        var first = Contents.Mixed(1, 12_000_000);
        await vault.BackUpAsync(first);
        await vault.BackUpAsync(Contents.Change(2, first, 100).Content, "--base", vault.Complete.Keys.First());
        await vault.CheckAllAsync();
        await vault.DeleteAsync(vault.Complete.Keys.First());
        (await vault.RunAsync("gc")).Expect(0);
        await vault.CheckAllAsync();
        Assert.All(await bucket.ObjectsAsync(), key => Assert.StartsWith($"{ConfinedUser.Prefix}/", key, StringComparison.Ordinal));

        var outside = new CliVault($"s3://{bucket.Name}/project-8/vault") { Variables = user.Variables };
        await using (outside)
        {
            (await CliProcess.RunAsync(["key", "new", outside["key"]])).Expect(0);
            Assert.Contains("refuses", Assert.Single((await outside.RunAsync("init")).Expect(1).Errors), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("s3:PutObject", "it does not let objects be put, and does not let large objects be written")]
    [InlineData("s3:DeleteObject", "it does not let objects be deleted; test objects stay there, below probe/")]
    [InlineData("s3:ListBucket", "it does not list what it holds")]
    public async Task A_location_that_lacks_what_a_vault_needs_is_refused_by_name_and_gets_no_vault(string denied, string reason)
    {
        await using var user = await ConfinedUser.MakeAsync();
        await using var bucket = await S3Bucket.MakeAsync();
        await bucket.AllowAsync(user.PolicyFor(bucket.Name, without: denied));
        await using var vault = new CliVault($"s3://{bucket.Name}/{ConfinedUser.Prefix}") { Variables = user.Variables };
        (await CliProcess.RunAsync(["key", "new", vault["key"]])).Expect(0);
        var refused = (await vault.RunAsync("init")).Expect(1);
        Assert.Equal($"vbackup: {vault.Location} cannot keep a vault: {reason}", Assert.Single(refused.Errors));
        Assert.Contains(refused.Events, item => item.GetProperty("event").GetString() == "note"
            && item.GetProperty("message").GetString()!.Contains("do not allow", StringComparison.Ordinal));
        Assert.DoesNotContain(await bucket.ObjectsAsync(), key => !key.Contains("/probe/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bucket_with_versions_gets_a_vault_and_a_warning()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync();
        await bucket.KeepVersionsAsync();
        await using var vault = new CliVault($"s3://{bucket.Name}/vault") { Variables = S3Bucket.Variables };
        (await CliProcess.RunAsync(["key", "new", vault["key"]])).Expect(0);
        var made = (await vault.RunAsync("init")).Expect(0);
        string[] notes = [.. made.Events.Where(item => item.GetProperty("event").GetString() == "note").Select(item =>
            item.GetProperty("message").GetString()!)];
        Assert.Contains(notes, note => note.Contains("does not honour create-once", StringComparison.Ordinal));
        Assert.Contains(notes, note => note.Contains("keeps versions", StringComparison.Ordinal));
    }
}
