using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>
/// A bucket on a real S3 service, for one class of tests. The service is named by VBACKUP_TEST_S3_ENDPOINT and the
/// variables for credentials that AWS's tools read; without them the tests are skipped.
/// </summary>
public class S3Lab : IAsyncLifetime
{
    static readonly string? Endpoint = Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT");

    readonly string bucket = $"vbackup-test-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";
    AmazonS3Client? client;
    int prefixes;

    protected virtual bool IsLocked => false;

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(Endpoint))
            return;
        client = Client();
        await client.PutBucketAsync(new PutBucketRequest { BucketName = bucket, ObjectLockEnabledForBucket = IsLocked });
    }

    /// <summary>A client of the lab's own user, who may do everything.</summary>
    public static AmazonS3Client Client() => new(
        new BasicAWSCredentials(Variable("AWS_ACCESS_KEY_ID"), Variable("AWS_SECRET_ACCESS_KEY")),
        new AmazonS3Config { ServiceURL = Endpoint, ForcePathStyle = true, AuthenticationRegion = "us-east-1",
            // The newer checksums come in trailers that Ceph 16.2 does not understand.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED });

    /// <summary>Settings of an empty store.</summary>
    public ValueTask<S3Settings> NewPrefixAsync()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(Endpoint), "needs the lab's radosgw: run ./test.sh");
        return ValueTask.FromResult(Settings(bucket, $"test{Interlocked.Increment(ref prefixes)}"));
    }

    public static S3Settings Settings(
        string bucket, string prefix, string? accessKey = null, string? secret = null) => new()
        {
            Bucket = bucket,
            Prefix = prefix,
            Endpoint = new Uri(Endpoint!),
            AccessKeyId = accessKey ?? Variable("AWS_ACCESS_KEY_ID"),
            SecretAccessKey = secret ?? Variable("AWS_SECRET_ACCESS_KEY"),
        };

    public static string Variable(string name) => Environment.GetEnvironmentVariable(name)
        ?? throw new InvalidOperationException($"VBACKUP_TEST_S3_ENDPOINT is set, {name} is not.");

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (client is null)
            return;
        // What is held goes with the lab.
        if (IsLocked)
        {
            client.Dispose();
            return;
        }
        ListObjectsV2Response page;
        do
        {
            page = await client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = bucket });
            if (page.S3Objects is { Count: > 0 } objects)
            {
                await client.DeleteObjectsAsync(new DeleteObjectsRequest
                {
                    BucketName = bucket, Objects = [.. objects.Select(o => new KeyVersion { Key = o.Key })],
                });
            }
        } while (page.IsTruncated == true);
        await client.DeleteBucketAsync(bucket);
        client.Dispose();
    }
}

/// <summary>A bucket with object lock. What tests have it hold outlives them: nobody can delete it.</summary>
public sealed class S3LockedLab : S3Lab
{
    protected override bool IsLocked => true;
}
