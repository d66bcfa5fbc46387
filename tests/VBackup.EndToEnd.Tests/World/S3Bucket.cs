using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A bucket on the lab's S3, gone after the test.</summary>
internal sealed class S3Bucket(AmazonS3Client client) : IAsyncDisposable
{
    public static string Endpoint => Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT")!;
    public static string AccessKey => Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID")!;
    public static string SecretKey => Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY")!;
    public static IReadOnlyDictionary<string, string?> Variables { get; } =
        new Dictionary<string, string?> { ["AWS_ENDPOINT_URL_S3"] = Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT") };

    public string Name { get; } = $"vbackup-e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";

    public static async Task<S3Bucket> MakeAsync()
    {
        var bucket = new S3Bucket(new(
            new BasicAWSCredentials(AccessKey, SecretKey),
            new AmazonS3Config { ServiceURL = Endpoint, ForcePathStyle = true, AuthenticationRegion = "us-east-1" }));
        await bucket.Client.PutBucketAsync(new PutBucketRequest { BucketName = bucket.Name });
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

    /// <summary>Gives the bucket a policy.</summary>
    public Task AllowAsync(string policy) => client.PutBucketPolicyAsync(new PutBucketPolicyRequest { BucketName = Name, Policy = policy });

    public Task KeepVersionsAsync() => client.PutBucketVersioningAsync(new PutBucketVersioningRequest
    { BucketName = Name, VersioningConfig = new S3BucketVersioningConfig { Status = VersionStatus.Enabled } });

    public async ValueTask DisposeAsync()
    {
        foreach (var version in (await client.ListVersionsAsync(new ListVersionsRequest { BucketName = Name })).Versions ?? [])
            if (version.VersionId is not (null or "null")) await client.DeleteObjectAsync(Name, version.Key, version.VersionId);
        while (await ObjectsAsync() is { Count: > 0 } names)
            await client.DeleteObjectsAsync(new() { BucketName = Name,
                Objects = [.. names.Select(name => new KeyVersion { Key = name })] });
        await client.DeleteBucketAsync(Name);
        client.Dispose();
    }
}
