namespace VBackup.Vault.Stores;

/// <summary>What the variables that AWS's own tools read say of an S3 service. All that take something from them do it here, lest one
/// reads a bucket by one of them and keeps another. Null is what is not set, or empty.</summary>
public sealed class S3Variables(Func<string, string?> variable)
{
    public const string SessionTokenName = "AWS_SESSION_TOKEN";

    /// <summary>Null for Amazon's.</summary>
    public string? Endpoint => Read("AWS_ENDPOINT_URL_S3") ?? Read("AWS_ENDPOINT_URL");

    public string? Region => Read("AWS_REGION") ?? Read("AWS_DEFAULT_REGION");

    public string? AccessKeyId => Read("AWS_ACCESS_KEY_ID");

    public string? SecretAccessKey => Read("AWS_SECRET_ACCESS_KEY");

    /// <summary>Comes with credentials that end after a while.</summary>
    public string? SessionToken => Read(SessionTokenName);

    string? Read(string name) => variable(name) is { Length: > 0 } value ? value : null;
}
