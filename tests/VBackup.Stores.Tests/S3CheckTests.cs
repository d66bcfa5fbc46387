using System.Diagnostics;
using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>The check of a location on a real S3 service, as a user who is given less and less.</summary>
public sealed class S3CheckTests(S3User user) : IClassFixture<S3User>
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    static async Task<StoreCheckResult> CheckAsync(S3Settings settings)
    {
        var policy = new RetryPolicy(RetryLimits.Brief, TimeProvider.System, seed: 1);
        await using var store = new RetryingStore(new S3Store(settings, policy), policy);
        return await StoreCheck.RunAsync(store, Token);
    }

    [Fact]
    public async Task A_user_with_just_what_a_vault_needs_below_a_prefix_lacks_nothing()
    {
        var result = await CheckAsync(await user.AllowAllButAsync());
        Assert.Empty(result.Lacks);
        Assert.Empty(await user.KeysAsync());
    }

    [Theory]
    [InlineData("s3:PutObject", StoreAbility.Put, StoreAbility.Write)]
    [InlineData("s3:GetObject", StoreAbility.Read, StoreAbility.Write)]
    [InlineData("s3:DeleteObject", StoreAbility.Delete)]
    [InlineData("s3:ListBucket", StoreAbility.List)]
    [InlineData("s3:ListBucketMultipartUploads", StoreAbility.TidyUp)]
    [InlineData("s3:AbortMultipartUpload", StoreAbility.TidyUp)]
    public async Task What_a_user_is_not_allowed_is_named(string denied, params StoreAbility[] lacks)
    {
        var result = await CheckAsync(await user.AllowAllButAsync(denied));
        Assert.Equal(lacks.Order(), result.Lacks.Select(lack => lack.Ability).Order());
        Assert.False(result.IsUsable);
        Assert.All(result.Lacks, lack => Assert.Matches("do not allow|refuses", lack.Reason));
        Assert.Equal(denied == "s3:DeleteObject", result.IsLeftBehind);
    }

    [Fact]
    public async Task Elsewhere_in_the_bucket_the_user_is_refused()
    {
        var inside = await user.AllowAllButAsync();
        var elsewhere = user.Settings("elsewhere");
        // What is not there is told only to whom the listing tells it.
        var policy = new RetryPolicy(RetryLimits.Brief, TimeProvider.System, seed: 1);
        await using (var mine = new S3Store(inside, policy)) Assert.False(await mine.ExistsAsync("a", Token));
        await using (var others = new S3Store(elsewhere, policy))
            Assert.Equal(StoreFailure.Refused, (await Assert.ThrowsAsync<StoreException>(() => others.ExistsAsync("a", Token))).Failure);
        Assert.Equal(StoreFailure.Refused, (await Assert.ThrowsAsync<StoreException>(() => CheckAsync(elsewhere))).Failure);
        Assert.True((await CheckAsync(inside)).IsUsable);
    }

    [Fact]
    public async Task A_bucket_that_keeps_versions_is_usable_and_it_is_said_what_that_costs()
    {
        await using var bucket = await VersionedBucket.MakeAsync(isLocked: false);
        var result = await CheckAsync(S3Lab.Settings(bucket.Name, "vault"));
        Assert.Equal([StoreAbility.CreateOnce, StoreAbility.Forget], result.Lacks.Select(lack => lack.Ability));
        Assert.Contains("keeps versions", result.Lacks[^1].Reason, StringComparison.Ordinal);
        Assert.Equal((true, false), (result.IsUsable, result.CanHold));
    }

    [Fact]
    public async Task A_bucket_with_object_lock_lacks_nothing_and_can_hold()
    {
        await using var bucket = await VersionedBucket.MakeAsync(isLocked: true);
        var result = await CheckAsync(S3Lab.Settings(bucket.Name, "vault"));
        Assert.Empty(result.Lacks);
        Assert.True(result.CanHold);
        Assert.Empty(await bucket.VersionsAsync());
    }

    [Fact]
    public async Task A_bucket_that_holds_whatever_is_put_is_refused_and_it_is_said_why()
    {
        await using var bucket = await VersionedBucket.MakeAsync(isLocked: true);
        await bucket.HoldWhateverIsPutAsync();
        var result = await CheckAsync(S3Lab.Settings(bucket.Name, "vault"));
        Assert.False(result.IsUsable);
        Assert.Contains(result.Lacks, lack => lack.Ability == StoreAbility.Delete
            && lack.Reason.StartsWith("the store holds it until", StringComparison.Ordinal));
        Assert.Contains("default retention", result.Lacks[^1].Reason, StringComparison.Ordinal);
    }
}

/// <summary>A user of the lab's S3 who owns nothing, and a bucket whose policy says what that user may do below a prefix.</summary>
public sealed class S3User : IAsyncLifetime
{
    const string Prefix = "mine";
    static readonly string[] s_onObjects = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload"];
    // Ceph 16.2 does not compare the prefix when unfinished uploads are listed.
    static readonly (string Action, bool IsConfined)[] s_onBucket = [("s3:ListBucket", true), ("s3:ListBucketMultipartUploads", false)];

    readonly string name = $"vbackup-test-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";
    readonly string secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));
    AmazonS3Client? client;

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CEPH_CONF"))) return;
        client = S3Lab.Client();
        await client.PutBucketAsync(new PutBucketRequest { BucketName = name });
        await AdministerAsync("user", "create", $"--uid={name}", "--display-name=test", $"--access-key={name}", $"--secret={secret}");
    }

    public S3Settings Settings(string prefix) => S3Lab.Settings(name, prefix, accessKey: name, secret: secret);

    /// <summary>Gives the user what a vault needs, but for some actions.</summary>
    public async Task<S3Settings> AllowAllButAsync(params string[] denied)
    {
        Assert.SkipWhen(client is null, "needs the lab's radosgw: run ./test.sh");
        Assert.NotNull(client);
        static string List(IEnumerable<string> actions) => string.Join(',', actions.Select(action => $"\"{action}\""));
        string Statement(IEnumerable<string> actions, string resource, string condition = "") => $$"""
            {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/{{name}}"]},"Action":[{{List(actions)}}],
             "Resource":["arn:aws:s3:::{{name}}{{resource}}"]{{condition}}}
            """;
        List<string> statements = [Statement(s_onObjects.Except(denied), $"/{Prefix}/*")];
        // Said, and not only left out: whoever put an object is its owner, and may read it for that alone.
        if (s_onObjects.Intersect(denied).Any())
            statements.Add(Statement(s_onObjects.Intersect(denied), $"/{Prefix}/*").Replace("Allow", "Deny", StringComparison.Ordinal));
        foreach (var (action, isConfined) in s_onBucket.Where(item => !denied.Contains(item.Action)))
            statements.Add(Statement([action], "", isConfined ? $$$""","Condition":{"StringLike":{"s3:prefix":"{{{Prefix}}}/*"}}""" : ""));
        foreach (var key in await KeysAsync()) await client.DeleteObjectAsync(name, key);
        await client.PutBucketPolicyAsync(new PutBucketPolicyRequest
        {
            BucketName = name, Policy = $$"""{"Version":"2012-10-17","Statement":[{{string.Join(',', statements)}}]}""",
        });
        return Settings(Prefix);
    }

    public async Task<string[]> KeysAsync() =>
        [.. ((await client!.ListObjectsV2Async(new() { BucketName = name })).S3Objects ?? []).Select(item => item.Key)];

    static async Task AdministerAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("radosgw-admin") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-c", S3Lab.Variable("CEPH_CONF"), .. arguments]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Token), process.StandardError.ReadToEndAsync(Token));
        await Task.WhenAll(output, error);
        await process.WaitForExitAsync(Token);
        Assert.True(process.ExitCode == 0, await error);
    }

    static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (client is null) return;
        foreach (var key in await KeysAsync()) await client.DeleteObjectAsync(name, key);
        await client.DeleteBucketAsync(name);
        client.Dispose();
        await AdministerAsync("user", "rm", $"--uid={name}");
    }
}

/// <summary>A bucket with versioning, gone after the test with all versions.</summary>
sealed class VersionedBucket(AmazonS3Client client) : IAsyncDisposable
{
    public string Name { get; } = $"vbackup-test-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";

    public static async Task<VersionedBucket> MakeAsync(bool isLocked)
    {
        Assert.SkipWhen(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT")),
            "needs the lab's radosgw: run ./test.sh");
        var bucket = new VersionedBucket(S3Lab.Client());
        await bucket.Client.PutBucketAsync(new PutBucketRequest { BucketName = bucket.Name, ObjectLockEnabledForBucket = isLocked });
        if (!isLocked)
            await bucket.Client.PutBucketVersioningAsync(new PutBucketVersioningRequest
            { BucketName = bucket.Name, VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled } });
        return bucket;
    }

    AmazonS3Client Client => client;
    bool holdsAll;

    public async Task<List<S3ObjectVersion>> VersionsAsync() =>
        (await client.ListVersionsAsync(new ListVersionsRequest { BucketName = Name })).Versions ?? [];

    public Task HoldWhateverIsPutAsync()
    {
        holdsAll = true;
        return client.PutObjectLockConfigurationAsync(new PutObjectLockConfigurationRequest
        {
            BucketName = Name,
            ObjectLockConfiguration = new()
            {
                ObjectLockEnabled = ObjectLockEnabled.Enabled,
                Rule = new() { DefaultRetention = new() { Days = 1, Mode = ObjectLockRetentionMode.Compliance } },
            },
        });
    }

    public async ValueTask DisposeAsync()
    {
        // What is held goes with the lab.
        if (holdsAll)
        {
            client.Dispose();
            return;
        }
        var versions = await client.ListVersionsAsync(new ListVersionsRequest { BucketName = Name });
        foreach (var version in versions.Versions ?? []) await client.DeleteObjectAsync(Name, version.Key, version.VersionId);
        await client.DeleteBucketAsync(Name);
        client.Dispose();
    }
}
