using System.Net;
using System.Security.Cryptography;

namespace VBackup.Vault.Stores;

/// <summary>How to open a store that a user names.</summary>
public sealed record StoreOptions
{
    /// <summary>How long failures are tried again.</summary>
    public RetryLimits Retries { get; init; } = RetryLimits.Brief;

    /// <summary>Bytes sent per second at most; null for no limit.</summary>
    public long? SendBytesPerSecond { get; init; }

    /// <summary>Bytes received per second at most; null for no limit.</summary>
    public long? ReceiveBytesPerSecond { get; init; }

    /// <summary>Whether to create a folder that does not exist. Buckets are never created.</summary>
    public bool CreateFolder { get; init; }

    /// <summary>How long the file system of a folder is waited for.</summary>
    public FileSystemLimits FileSystem { get; init; } = new();

    /// <summary>Measures and waits.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Where credentials and the endpoint of an S3 service come from.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Why an address of an S3 service may not be connected to; null when it may, or for any.</summary>
    public Func<IPAddress, string?>? AddressFault { get; init; }
}

/// <summary>Turns what a user writes into a store.</summary>
public static class StoreLocation
{
    const string S3Scheme = "s3://";

    /// <summary>Opens a folder's path or <c>s3://bucket/prefix</c>, with retries, and a rate limit if there is one.</summary>
    /// <exception cref="StoreException">There is no such folder, credentials are missing, or the location is
    /// malformed. A bucket is only asked for when it is used.</exception>
    public static IObjectStore Open(string location, StoreOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(location);
        ArgumentNullException.ThrowIfNull(options);
        var policy = new RetryPolicy(options.Retries, options.Clock, RandomNumberGenerator.GetInt32(int.MaxValue));
        IObjectStore store = new RetryingStore(OpenBare(location, options, policy), policy);
        return options is { SendBytesPerSecond: null, ReceiveBytesPerSecond: null }
            ? store
            : new ThrottlingStore(store, options.SendBytesPerSecond, options.ReceiveBytesPerSecond, options.Clock);
    }

    /// <summary>The same, and may be left while the folder's file system does not answer.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    public static Task<IObjectStore> OpenAsync(string location, StoreOptions options, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(location);
        ArgumentNullException.ThrowIfNull(options);
        return location.Contains("://", StringComparison.Ordinal) ? Task.FromResult(Open(location, options))
            : PatienceOf(location, options).RunBlockingAsync("open", location, () => Open(location, options), cancellation);
    }

    static FileSystemPatience PatienceOf(string folder, StoreOptions options) =>
        new(Path.GetFullPath(folder), options.FileSystem, options.Clock);

    /// <summary>Makes the bucket of an <c>s3://bucket/prefix</c>. One that the credentials' owner has already is no error.</summary>
    /// <exception cref="StoreException">It cannot be made; tried once.</exception>
    public static async Task MakeBucketAsync(string location, StoreOptions options, CancellationToken cancellation)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(location);
        ArgumentNullException.ThrowIfNull(options);
        if (!location.StartsWith(S3Scheme, StringComparison.OrdinalIgnoreCase)) throw Malformed(location, "only s3://bucket has a bucket");
        using var connection = new S3Connection(SettingsOf(location, options));
        await connection.SendAsync(StoreOperation.Put, location,
            stop => connection.Client.PutBucketAsync(connection.Bucket, stop), cancellation).ConfigureAwait(false);
    }

    static IObjectStore OpenBare(string location, StoreOptions options, RetryPolicy policy)
    {
        if (!location.StartsWith(S3Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return location.Contains("://", StringComparison.Ordinal)
                ? throw Malformed(location, "a location is a folder's path or s3://bucket/prefix")
                : BoundedStore.Around(FileSystemStore.Open(location, options.CreateFolder), PatienceOf(location, options));
        }
        try
        {
            return new S3Store(SettingsOf(location, options), policy);
        }
        catch (ArgumentException e)
        {
            throw Malformed(location, e.Message);
        }
    }

    static S3Settings SettingsOf(string location, StoreOptions options)
    {
        string[] parts = location[S3Scheme.Length..].Split('/', 2);
        string prefix = parts.Length == 2 ? parts[1].Trim('/') : "";
        return S3Settings.FromEnvironment(parts[0], prefix, options.Variable, options.AddressFault);
    }

    static StoreException Malformed(string location, string reason) =>
        // Somebody may have written s3://key:secret@bucket.
        new(StoreFailure.Other, "open", location.Contains('@', StringComparison.Ordinal) ? "location" : location, reason);
}
