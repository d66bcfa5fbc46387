using System.Text;
using Amazon.S3;
using Amazon.S3.Model;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>A bucket with object lock, and somebody who has all rights to it and does not ask us.</summary>
public sealed class S3VersionTests(S3LockedLab lab) : IClassFixture<S3LockedLab>, IAsyncLifetime
{
    static readonly DateTimeOffset s_tomorrow = TimeProvider.System.GetUtcNow() + TimeSpan.FromDays(1);

    S3Settings settings = null!;
    IObjectStore store = null!;
    AmazonS3Client intruder = null!;

    static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        settings = await lab.NewPrefixAsync();
        store = HoldingStores.OpenS3(settings);
        intruder = S3Lab.Client();
    }

    public async ValueTask DisposeAsync()
    {
        if (store is null) return;
        await store.DisposeAsync();
        intruder.Dispose();
    }

    string KeyOf(string name) => $"{settings.Prefix}/{name}";

    Task PutAsync(string name, string text) => store.PutAsync(name, Encoding.UTF8.GetBytes(text), Token);

    // Somebody who knows nothing from before.
    async Task<string> GetAnewAsync(string name)
    {
        await using var other = HoldingStores.OpenS3(settings);
        return Encoding.UTF8.GetString(await other.GetAsync(name, 100, Token));
    }

    async Task<List<string>> NamesAsync()
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync("", Token)) names.Add(entry.Name);
        return names;
    }

    async Task<List<S3ObjectVersion>> VersionsAsync() => (await intruder.ListVersionsAsync(
        new ListVersionsRequest { BucketName = settings.Bucket, Prefix = settings.Prefix }, Token)).Versions ?? [];

    Task<PutObjectResponse> OverwriteAsync(string name) => intruder.PutObjectAsync(
        new PutObjectRequest { BucketName = settings.Bucket, Key = KeyOf(name), ContentBody = "forged", UseChunkEncoding = false }, Token);

    [Fact]
    public async Task The_first_version_is_read_and_listed_whatever_came_later()
    {
        await PutAsync("packs/aa/p", "true");
        await OverwriteAsync("packs/aa/p");
        await intruder.DeleteObjectAsync(settings.Bucket, KeyOf("packs/aa/p"), Token);
        await PutAsync("packs/aa/q", "also");
        await intruder.DeleteObjectAsync(settings.Bucket, KeyOf("packs/aa/q"), Token);
        Assert.Equal(("true", "also"), (await GetAnewAsync("packs/aa/p"), await GetAnewAsync("packs/aa/q")));
        Assert.Equal(["packs/aa/p", "packs/aa/q"], await NamesAsync());
        Assert.True(await store.ExistsAsync("packs/aa/q", Token));
    }

    [Fact]
    public async Task What_is_held_nobody_deletes_or_gives_free_earlier()
    {
        await PutAsync("points/p", "true");
        await store.HoldAsync("points/p", s_tomorrow, Token);
        string version = Assert.Single(await VersionsAsync()).VersionId;
        await Assert.ThrowsAsync<AmazonS3Exception>(() => intruder.DeleteObjectAsync(
            new DeleteObjectRequest { BucketName = settings.Bucket, Key = KeyOf("points/p"), VersionId = version,
                BypassGovernanceRetention = true }, Token));
        await Assert.ThrowsAsync<AmazonS3Exception>(() => intruder.PutObjectRetentionAsync(new PutObjectRetentionRequest
        {
            BucketName = settings.Bucket, Key = KeyOf("points/p"), VersionId = version, BypassGovernanceRetention = true,
            Retention = new() { Mode = ObjectLockRetentionMode.Compliance,
                RetainUntilDate = (s_tomorrow - TimeSpan.FromHours(12)).UtcDateTime },
        }, Token));
        Assert.Equal("true", await GetAnewAsync("points/p"));
    }

    [Fact]
    public async Task A_delete_leaves_no_version_and_no_marker()
    {
        await PutAsync("packs/aa/p", "true");
        await OverwriteAsync("packs/aa/p");
        await intruder.DeleteObjectAsync(settings.Bucket, KeyOf("packs/aa/p"), Token);
        await PutAsync("packs/aa/pp", "another that begins as it does");
        await store.DeleteAsync("packs/aa/p", Token);
        Assert.Equal(["packs/aa/pp"], (await VersionsAsync()).Select(version => version.Key[(settings.Prefix.Length + 1)..]));
        Assert.False(await store.ExistsAsync("packs/aa/p", Token));
    }

    [Fact]
    public async Task A_put_that_replaces_leaves_one_version()
    {
        for (int beat = 0; beat < 3; beat++) await PutAsync("sessions/s.beat", $"beat {beat}");
        Assert.Single(await VersionsAsync());
        Assert.Equal("beat 2", await GetAnewAsync("sessions/s.beat"));
    }

    [Fact]
    public async Task Of_two_that_create_an_object_the_first_version_wins_also_behind_a_marker()
    {
        Assert.True(await store.CanCreateOnceAsync(Token));
        Assert.True(await store.CreateOnceAsync("sessions/s.decision", "first"u8.ToArray(), Token));
        await intruder.DeleteObjectAsync(settings.Bucket, KeyOf("sessions/s.decision"), Token);
        Assert.False(await store.CreateOnceAsync("sessions/s.decision", "second"u8.ToArray(), Token));
        Assert.Equal("first", await GetAnewAsync("sessions/s.decision"));
    }

    [Fact]
    public async Task A_forged_version_that_is_held_keeps_the_true_one_from_being_deleted_and_not_from_being_read()
    {
        await PutAsync("packs/aa/p", "true");
        await OverwriteAsync("packs/aa/p");
        await intruder.PutObjectRetentionAsync(new PutObjectRetentionRequest
        {
            BucketName = settings.Bucket, Key = KeyOf("packs/aa/p"),
            Retention = new() { Mode = ObjectLockRetentionMode.Compliance, RetainUntilDate = s_tomorrow.UtcDateTime },
        }, Token);
        Assert.Equal(StoreFailure.Held, (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("packs/aa/p", Token))).Failure);
        Assert.Equal("true", await GetAnewAsync("packs/aa/p"));
    }

    [Fact]
    public async Task A_listing_of_many_versions_goes_over_all_pages()
    {
        for (int i = 0; i < 5; i++) await PutAsync($"packs/aa/p{i}", "true");
        for (int round = 0; round < 210; round++)
            for (int i = 0; i < 5; i++) await OverwriteAsync($"packs/aa/p{i}");
        Assert.Equal(["packs/aa/p0", "packs/aa/p1", "packs/aa/p2", "packs/aa/p3", "packs/aa/p4"], await NamesAsync());
        Assert.Equal("true", await GetAnewAsync("packs/aa/p3"));
    }
}
