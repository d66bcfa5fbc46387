using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace VBackup.Vault.Stores;

/// <summary>
/// What a name means in a bucket with object lock, which keeps every version. The first version of a name is the object, until it is
/// deleted for good: what somebody puts over it, or hides it behind, with whatever credentials, changes nothing. A version that the
/// store holds nobody can delete. In other buckets nothing of this is used. Thread-safe.
/// </summary>
sealed class S3Versions(S3Connection connection, RetryPolicy policy)
{
    /// <summary>Ids of versions that are remembered; then all are looked for anew.</summary>
    const int KnownMax = 20_000;
    const int PageLength = 1000;
    const int FindsMax = 4;

    readonly ConcurrentDictionary<string, string> known = new(StringComparer.Ordinal);
    bool? areKept = connection.Settings.HasObjectLock;

    /// <summary>Whether the bucket has object lock. Asked once; one that does not tell has none.</summary>
    public async ValueTask<bool> AreKeptAsync(StoreOperation operation, string name, CancellationToken cancellation)
    {
        if (areKept is { } told)
            return told;
        try
        {
            areKept = (await ReadLockAsync(operation, name, cancellation).ConfigureAwait(false))?.ObjectLockEnabled
                == ObjectLockEnabled.Enabled;
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Refused or StoreFailure.Other or StoreFailure.NotFound)
        {
            // A bucket that is not there yet may come with a lock. Whoever asked is about to be told what is wrong.
            if (e.InnerException is AmazonS3Exception { ErrorCode: "NoSuchBucket" })
                return false;
            areKept = false;
        }
        return areKept.Value;
    }

    /// <summary>Why the bucket keeps what is deleted all the same; null when it does not.</summary>
    public async Task<string?> FindDefaultHoldAsync(CancellationToken cancellation)
    {
        var locking = await ReadLockAsync(StoreOperation.FindKeptVersions, connection.Bucket, cancellation).ConfigureAwait(false);
        return locking?.Rule?.DefaultRetention is null ? null
            : $"bucket {connection.Bucket} holds whatever is put into it, by its default retention: take that away";
    }

    async Task<ObjectLockConfiguration?> ReadLockAsync(StoreOperation operation, string name, CancellationToken cancellation)
    {
        var answer = await connection.SendAsync(operation, name, token => connection.Client.GetObjectLockConfigurationAsync(
            new GetObjectLockConfigurationRequest { BucketName = connection.Bucket }, token), cancellation).ConfigureAwait(false);
        return answer.ObjectLockConfiguration;
    }

    /// <summary>Asks for the first version of an object; for the object, where versions are not kept.</summary>
    /// <param name="ask">Gets the version's id, or null.</param>
    public async Task<T> AskAsync<T>(
        StoreOperation operation, string name, Func<string?, Task<T>> ask, CancellationToken cancellation)
    {
        if (!await AreKeptAsync(operation, name, cancellation).ConfigureAwait(false))
            return await ask(null).ConfigureAwait(false);
        for (int finds = 1; ; finds++)
        {
            string id = known.TryGetValue(name, out string? remembered) ? remembered
                : (await FindFirstAsync(operation, name, cancellation).ConfigureAwait(false))?.VersionId
                    ?? throw operation.Failed(StoreFailure.NotFound, name, "no such object");
            try
            {
                return await ask(id).ConfigureAwait(false);
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound && finds < FindsMax)
            {
                // Somebody has deleted it, or put another and then deleted this one.
                known.TryRemove(name, out _);
            }
        }
    }

    /// <returns>Null when there is none.</returns>
    public async Task<S3ObjectVersion?> FindFirstAsync(StoreOperation operation, string name, CancellationToken cancellation)
    {
        var all = await ListOfAsync(operation, name, cancellation).ConfigureAwait(false);
        var first = all.FindLast(version => version.IsDeleteMarker != true);
        if (first is null)
            known.TryRemove(name, out _);
        else
            Remember(name, first.VersionId);
        return first;
    }

    void Remember(string name, string id)
    {
        if (known.Count >= KnownMax)
            known.Clear();
        known[name] = id;
    }

    /// <summary>All versions of one name, delete markers too, the newest first.</summary>
    async Task<List<S3ObjectVersion>> ListOfAsync(StoreOperation operation, string name, CancellationToken cancellation)
    {
        string key = connection.KeyOf(name);
        List<S3ObjectVersion> all = [];
        await foreach (var version in PagesAsync(operation, name, key, cancellation).ConfigureAwait(false))
        {
            // Of all names that begin with it, it comes first itself.
            if (version.Key != key)
                break;
            all.Add(version);
        }
        return all;
    }

    /// <summary>The first version of each object whose name starts with <paramref name="prefix"/>, in order.</summary>
    public async IAsyncEnumerable<S3ObjectVersion> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        S3ObjectVersion? first = null;
        await foreach (var version in PagesAsync(StoreOperation.List, prefix, connection.KeyOf(prefix), cancellation)
            .ConfigureAwait(false))
        {
            if (version.IsDeleteMarker == true)
                continue;
            if (first is not null && first.Key != version.Key)
                yield return first;
            first = version;
        }
        if (first is not null)
            yield return first;
    }

    async IAsyncEnumerable<S3ObjectVersion> PagesAsync(
        StoreOperation operation, string name, string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var request = new ListVersionsRequest { BucketName = connection.Bucket, Prefix = prefix, MaxKeys = PageLength };
        bool more;
        do
        {
            var page = await policy.RunAsync((_, attempt) => connection.SendAsync(operation, name,
                token => connection.Client.ListVersionsAsync(request, token), attempt), cancellation).ConfigureAwait(false);
            foreach (var version in page.Versions ?? [])
                yield return version;
            more = page.IsTruncated == true;
            (request.KeyMarker, request.VersionIdMarker) = (page.NextKeyMarker, page.NextVersionIdMarker);
        } while (more);
    }

    /// <summary>What was just put takes the place of what was there before: older versions go, but those that are held.</summary>
    /// <param name="id">What the store called the version that was put; null where it does not say.</param>
    public async Task ReplaceAsync(StoreOperation operation, string name, string? id, CancellationToken cancellation)
    {
        if (id is null || !await AreKeptAsync(operation, name, cancellation).ConfigureAwait(false))
            return;
        var all = await ListOfAsync(operation, name, cancellation).ConfigureAwait(false);
        int at = all.FindIndex(version => version.VersionId == id);
        for (int older = all.Count - 1; at >= 0 && older > at; older--)
        {
            try
            {
                await DeleteAsync(operation, name, all[older].VersionId, cancellation).ConfigureAwait(false);
            }
            catch (StoreException held) when (held.Failure == StoreFailure.Held)
            {
                // It stays what it was, whatever was put over it.
                return;
            }
        }
        if (at >= 0)
            Remember(name, id);
    }

    /// <summary>Whether a version is its object. One that came second is taken back.</summary>
    public async Task<bool> CameFirstAsync(string name, string id, CancellationToken cancellation)
    {
        if ((await FindFirstAsync(StoreOperation.CreateOnce, name, cancellation).ConfigureAwait(false))?.VersionId == id)
            return true;
        await DeleteAsync(StoreOperation.CreateOnce, name, id, cancellation).ConfigureAwait(false);
        return false;
    }

    /// <summary>Deletes an object for good, the version that it is last: as long as one is held, all is as it was.</summary>
    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        foreach (var version in await ListOfAsync(StoreOperation.Delete, name, cancellation).ConfigureAwait(false))
            await DeleteAsync(StoreOperation.Delete, name, version.VersionId, cancellation).ConfigureAwait(false);
        known.TryRemove(name, out _);
    }

    async Task DeleteAsync(StoreOperation operation, string name, string id, CancellationToken cancellation)
    {
        try
        {
            await connection.SendAsync(operation, name, token => connection.Client.DeleteObjectAsync(new DeleteObjectRequest
            { BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = id }, token), cancellation).ConfigureAwait(false);
        }
        catch (StoreException refused) when (refused.Failure == StoreFailure.Refused)
        {
            if (await FindHoldAsync(operation, name, id, cancellation).ConfigureAwait(false) is { } until
                && until > policy.Clock.GetUtcNow())
                throw operation.Failed(StoreFailure.Held, name, MemoryStore.HeldReason(until), refused);
            throw;
        }
    }

    public Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation) => AskAsync(
        StoreOperation.FindHold, name, id => FindHoldAsync(StoreOperation.FindHold, name, id, cancellation), cancellation);

    // Only compliance mode holds against everybody.
    Task<DateTimeOffset?> FindHoldAsync(StoreOperation operation, string name, string? id, CancellationToken cancellation) =>
        connection.SendAsync(operation, name, async token =>
        {
            try
            {
                var answer = await connection.Client.GetObjectRetentionAsync(new GetObjectRetentionRequest
                { BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = id }, token).ConfigureAwait(false);
                return answer.Retention is { RetainUntilDate: { } until, Mode: var mode } && mode == ObjectLockRetentionMode.Compliance
                    ? new DateTimeOffset(until.ToUniversalTime()) : (DateTimeOffset?)null;
            }
            catch (AmazonS3Exception e) when (e.ErrorCode is "NoSuchObjectLockConfiguration" or "ObjectLockConfigurationNotFoundError")
            {
                return null; // It was never held.
            }
        }, cancellation);

    async Task<DateTimeOffset?> FindHoldToExtendAsync(string name, string? id, CancellationToken cancellation)
    {
        try
        {
            return await FindHoldAsync(StoreOperation.Hold, name, id, cancellation).ConfigureAwait(false);
        }
        catch (StoreException refused) when (refused.Failure == StoreFailure.Refused)
        {
            throw StoreOperation.Hold.Failed(StoreFailure.Refused, name,
                $"{refused.Reason}. To hold objects takes s3:GetObjectRetention", refused);
        }
    }

    public Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation)
    {
        // Services know no parts of a second.
        until = DateTimeOffset.FromUnixTimeSeconds(until.ToUnixTimeSeconds() + (until.Ticks % TimeSpan.TicksPerSecond > 0 ? 1 : 0));
        return AskAsync(StoreOperation.Hold, name, async id =>
        {
            if (await FindHoldToExtendAsync(name, id, cancellation).ConfigureAwait(false) >= until)
                return true;
            var request = new PutObjectRetentionRequest
            {
                BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = id,
                Retention = new() { Mode = ObjectLockRetentionMode.Compliance, RetainUntilDate = until.UtcDateTime },
            };
            try
            {
                await connection.SendAsync(StoreOperation.Hold, name,
                    token => connection.Client.PutObjectRetentionAsync(request, token), cancellation).ConfigureAwait(false);
            }
            catch (StoreException past) when (until <= policy.Clock.GetUtcNow() && past.InnerException
                is AmazonS3Exception { StatusCode: HttpStatusCode.BadRequest, ErrorCode: "InvalidArgument" or "InvalidRequest" })
            {
                // Services look at who asks before they look at what for.
            }
            catch (StoreException refused) when (refused.Failure == StoreFailure.Refused)
            {
                throw StoreOperation.Hold.Failed(StoreFailure.Refused, name,
                    $"{refused.Reason}. To hold objects takes s3:PutObjectRetention", refused);
            }
            return true;
        }, cancellation);
    }
}
