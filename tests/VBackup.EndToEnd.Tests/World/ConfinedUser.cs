using System.Security.Cryptography;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A user of the lab's S3 who owns nothing, and whom a bucket's policy lets in below one prefix only.</summary>
internal sealed class ConfinedUser : IAsyncDisposable
{
    public const string Prefix = "project-7/vault";

    readonly string _name = $"vbackup-e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";
    readonly string _secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    /// <summary>With which the user's programs are run.</summary>
    public IReadOnlyDictionary<string, string?> Variables => new Dictionary<string, string?>(S3Bucket.Variables)
    { ["AWS_ACCESS_KEY_ID"] = _name, ["AWS_SECRET_ACCESS_KEY"] = _secret };

    public static async Task<ConfinedUser> MakeAsync()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CEPH_CONF")), "needs the lab's radosgw: run ./test.sh");
        var user = new ConfinedUser();
        await AdministerAsync("user", "create", $"--uid={user._name}", "--display-name=test", $"--access-key={user._name}",
            $"--secret={user._secret}");
        return user;
    }

    /// <summary>The policy that docs/edge.md tells an administrator to give.</summary>
    /// <param name="without">An action that is left out of it.</param>
    /// <param name="holds">With what it takes to hold points in a bucket with object lock.</param>
    /// <param name="denied">An action on objects that is forbidden: to leave it out is not enough where whoever has put an object may do it
    /// for that alone.</param>
    public string PolicyFor(string bucket, string? without = null, bool holds = false, string? denied = null)
    {
        var (onObjects, onBucket, onNames) = holds
            ? (""","s3:GetObjectVersion","s3:DeleteObjectVersion","s3:PutObjectRetention","s3:GetObjectRetention" """,
                ""","s3:GetBucketObjectLockConfiguration" """, ""","s3:ListBucketVersions" """)
            : ("", "", "");
        string Statement(string actions, string resource, string condition) => $$"""
            {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/{{_name}}"]},"Action":[{{actions}}],
             "Resource":["arn:aws:s3:::{{bucket}}{{resource}}"]{{condition}}}
            """.Replace($"\"{without}\"", "\"s3:GetObjectAcl\"", StringComparison.Ordinal);
        return $$"""
            {"Version":"2012-10-17","Statement":[{{(denied is null ? "" : Statement($"\"{denied}\"", $"/{Prefix}/*", "")
                .Replace("Allow", "Deny", StringComparison.Ordinal) + ",")}}
            {{Statement("\"s3:GetObject\",\"s3:PutObject\",\"s3:DeleteObject\",\"s3:AbortMultipartUpload\"" + onObjects,
                $"/{Prefix}/*", "")}},
            {{Statement("\"s3:ListBucketMultipartUploads\"" + onBucket, "", "")}},
            {{Statement("\"s3:ListBucket\"" + onNames, "", $$$""","Condition":{"StringLike":{"s3:prefix":"{{{Prefix}}}/*"}}""")}}]}
            """;
    }

    static async Task AdministerAsync(params string[] arguments) => (await CliProcess.RunAsync(
        ["-c", Environment.GetEnvironmentVariable("CEPH_CONF")!, .. arguments], program: "/usr/bin/radosgw-admin")).Expect(0);

    public async ValueTask DisposeAsync() => await AdministerAsync("user", "rm", $"--uid={_name}");
}
