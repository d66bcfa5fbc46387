using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A bucket on the lab's S3, gone after the test.</summary>
/// <param name="isLocked">With object lock. What it holds nobody can delete: it goes with the lab.</param>
internal sealed class S3Bucket(AmazonS3Client client, bool isLocked) : IAsyncDisposable
{
    public static string Endpoint => Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT")!;
    public static string AccessKey => Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID")!;
    public static string SecretKey => Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY")!;
    public static IReadOnlyDictionary<string, string?> Variables { get; } =
        new Dictionary<string, string?> { ["AWS_ENDPOINT_URL_S3"] = Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT") };

    public bool IsLocked => isLocked;

    public string Name { get; } = $"vbackup-e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";

    public static async Task<S3Bucket> MakeAsync(bool isLocked = false)
    {
        var bucket = new S3Bucket(new(
            new BasicAWSCredentials(AccessKey, SecretKey),
            new AmazonS3Config { ServiceURL = Endpoint, ForcePathStyle = true, AuthenticationRegion = "us-east-1",
                // The newer checksums come in trailers that Ceph 16.2 does not understand.
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED }), isLocked);
        await bucket.Client.PutBucketAsync(new PutBucketRequest { BucketName = bucket.Name, ObjectLockEnabledForBucket = isLocked });
        return bucket;
    }

    /// <summary>One on another S3, with which it goes.</summary>
    /// <returns>Its name.</returns>
    public static async Task<string> MakeInAsync(IReadOnlyDictionary<string, string?> variables)
    {
        var name = $"vbackup-e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";
        await MakeInAsync(name, variables);
        return name;
    }

    public static async Task MakeInAsync(string name, IReadOnlyDictionary<string, string?> variables)
    {
        using var client = new AmazonS3Client(new BasicAWSCredentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]),
            new AmazonS3Config { ServiceURL = variables["AWS_ENDPOINT_URL_S3"], ForcePathStyle = true,
                AuthenticationRegion = "us-east-1" });
        await client.PutBucketAsync(new PutBucketRequest { BucketName = name });
    }

    AmazonS3Client Client => client;

    public async Task<List<string>> ObjectsAsync() =>
        [.. ((await client.ListObjectsV2Async(new() { BucketName = Name })).S3Objects ?? []).Select(item => item.Key)];

    /// <summary>Whether the store holds an object.</summary>
    public async Task<bool> HoldsAsync(string key)
    {
        try
        {
            return (await client.GetObjectRetentionAsync(new() { BucketName = Name, Key = key })).Retention?.RetainUntilDate is not null;
        }
        catch (AmazonS3Exception none) when (none.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    /// <summary>Gives the bucket a policy.</summary>
    public Task AllowAsync(string policy) => client.PutBucketPolicyAsync(new PutBucketPolicyRequest { BucketName = Name, Policy = policy });

    public Task KeepVersionsAsync() => client.PutBucketVersioningAsync(new PutBucketVersioningRequest
    { BucketName = Name, VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled } });

    public async Task<List<S3ObjectVersion>> VersionsAsync()
    {
        List<S3ObjectVersion> all = [];
        var request = new ListVersionsRequest { BucketName = Name };
        ListVersionsResponse page;
        do
        {
            page = await client.ListVersionsAsync(request);
            all.AddRange(page.Versions ?? []);
            (request.KeyMarker, request.VersionIdMarker) = (page.NextKeyMarker, page.NextVersionIdMarker);
        } while (page.IsTruncated == true);
        return all;
    }

    /// <summary>What its owner does to it who wants to destroy all that is in it, whoever else may need that.</summary>
    /// <returns>Versions that the store did not let him delete.</returns>
    public async Task<int> DestroyAsync()
    {
        foreach (var key in (await VersionsAsync()).Select(version => version.Key).ToHashSet())
        {
            await OverwriteAsync(key);
            await client.DeleteObjectAsync(Name, key);
        }
        var refused = 0;
        foreach (var version in await VersionsAsync())
        {
            try
            {
                await client.DeleteObjectAsync(new DeleteObjectRequest
                { BucketName = Name, Key = version.Key, VersionId = version.VersionId, BypassGovernanceRetention = true });
            }
            catch (AmazonS3Exception held) when (held.StatusCode == System.Net.HttpStatusCode.Forbidden)
            {
                refused++;
            }
        }
        // And once more, so that what could not be deleted is at least covered.
        foreach (var key in (await VersionsAsync()).Select(version => version.Key).ToHashSet())
        {
            await OverwriteAsync(key);
            await client.DeleteObjectAsync(Name, key);
        }
        return refused;
    }

    Task<PutObjectResponse> OverwriteAsync(string key) => client.PutObjectAsync(
        new PutObjectRequest { BucketName = Name, Key = key, ContentBody = "destroyed", UseChunkEncoding = false });

    public async ValueTask DisposeAsync()
    {
        if (isLocked)
        {
            client.Dispose();
            return;
        }
        foreach (var version in (await client.ListVersionsAsync(new ListVersionsRequest { BucketName = Name })).Versions ?? [])
            if (version.VersionId is not (null or "null")) await client.DeleteObjectAsync(Name, version.Key, version.VersionId);
        while (await ObjectsAsync() is { Count: > 0 } names)
            await client.DeleteObjectsAsync(new() { BucketName = Name,
                Objects = [.. names.Select(name => new KeyVersion { Key = name })] });
        await client.DeleteBucketAsync(Name);
        client.Dispose();
    }
}
