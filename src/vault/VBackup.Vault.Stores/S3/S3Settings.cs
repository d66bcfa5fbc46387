using System.Net;
using System.Text.RegularExpressions;

namespace VBackup.Vault.Stores;

/// <summary>Where a bucket is and how to be let in. Holds secrets, so it has no text form.</summary>
public sealed partial class S3Settings
{
    /// <summary>The bucket; it must exist.</summary>
    public required string Bucket { get; init; }

    /// <summary>What comes before every name, without slashes at its ends; empty for the whole bucket.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>An S3 service other than Amazon's; http is allowed, for a lab or a trusted network. It is spoken to with
    /// the bucket in the path.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The region that requests are signed for.</summary>
    public string Region { get; init; } = "us-east-1";

    /// <summary>Who asks.</summary>
    public required string AccessKeyId { get; init; }

    /// <summary>Proves who asks.</summary>
    public required string SecretAccessKey { get; init; }

    /// <summary>Comes with credentials that end after a while.</summary>
    public string? SessionToken { get; init; }

    /// <summary>Whether the bucket has object lock; null to ask it.</summary>
    public bool? HasObjectLock { get; init; }

    /// <summary>For a connection to be made.</summary>
    public TimeSpan ConnectTimeMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>For a request to be sent and its answer to begin; a part must fit in, however slow the line.</summary>
    public TimeSpan RequestTimeMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>For the next bytes of an answer to come.</summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes of a large object that are sent at once, and collected in memory by each writer; at least 5 MiB,
    /// S3's own limit.</summary>
    public int PartLengthBytes { get; init; } = 5 << 20;

    /// <summary>Parts that all writers together send at the same time, each kept in memory meanwhile.</summary>
    public int PartsInFlightMax { get; init; } = 3;

    /// <summary>Why an address of the service may not be connected to; null when it may, or for any.</summary>
    public Func<IPAddress, string?>? AddressFault { get; init; }

    /// <summary>Takes the endpoint, credentials and region from the variables that AWS's own tools read:
    /// AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
    /// AWS_REGION or AWS_DEFAULT_REGION.</summary>
    /// <exception cref="StoreException">Credentials are missing, or the endpoint is not an address.</exception>
    public static S3Settings FromEnvironment(string bucket, string prefix, Func<string, string?> variable,
        Func<IPAddress, string?>? addressFault = null)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string description = Describe(bucket, prefix);
        var said = new S3Variables(variable);
        string Need(string? value, string name) => value
            ?? throw new StoreException(StoreFailure.Refused, "open", description, $"{name} is not set");
        return new S3Settings
        {
            Bucket = bucket,
            Prefix = prefix,
            Endpoint = said.Endpoint is { } url ? ParseEndpoint(url, description) : null,
            Region = said.Region ?? "us-east-1",
            AccessKeyId = Need(said.AccessKeyId, "AWS_ACCESS_KEY_ID"),
            SecretAccessKey = Need(said.SecretAccessKey, "AWS_SECRET_ACCESS_KEY"),
            SessionToken = said.SessionToken,
            AddressFault = addressFault,
        };
    }

    // The address itself is not repeated in messages: somebody may have put a password into it.
    static Uri ParseEndpoint(string url, string description) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        && uri.UserInfo.Length == 0 && uri.Query.Length == 0
            ? uri
            : throw new StoreException(StoreFailure.Other, "open", description,
                "the endpoint's address is not of the form http[s]://host[:port]");

    internal string Description => Describe(Bucket, Prefix);

    static string Describe(string bucket, string prefix) =>
        prefix.Length == 0 ? $"s3://{bucket}" : $"s3://{bucket}/{prefix}";

    internal void Check()
    {
        if (!BucketName().IsMatch(Bucket))
            throw new ArgumentException("that is not a bucket's name, which has 3 to 63 small letters, digits, '.' and '-', and a "
                + "letter or digit at either end");
        if (Prefix.Length > 0 && !ObjectName.IsValid(Prefix))
            throw new ArgumentException("that is not a prefix of objects' names");
        if (!RegionName().IsMatch(Region))
            throw new ArgumentException("AWS_REGION is not a region's name, such as us-east-1");
        ArgumentOutOfRangeException.ThrowIfLessThan(PartLengthBytes, 5 << 20);
        ArgumentOutOfRangeException.ThrowIfLessThan(PartsInFlightMax, 1);
    }

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\z")]
    private static partial Regex BucketName();

    [GeneratedRegex(@"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\z")]
    private static partial Regex RegionName();
}
