using System.Runtime.CompilerServices;
using Amazon.S3;
using Amazon.S3.Model;

namespace VBackup.Vault.Stores;

/// <summary>
/// A store in a bucket of an S3 service that is read-after-write and list-after-write consistent. Requests are tried
/// once, except pages of listings and what a writer sends, which go by the policy: wrap it in a
/// <see cref="RetryingStore"/> for the rest. What is sent is checked on arrival: by its MD5, which the answer has to name again,
/// or, parts over plain HTTP, by the SHA-256 that their request signs.
/// In a bucket with object lock, the first version of a name is the object: see <see cref="S3Versions"/>. Thread-safe.
/// </summary>
public sealed class S3Store : IObjectStore
{
    const int ReadPieceSize = 128 * 1024;

    readonly S3Connection connection;
    readonly RetryPolicy policy;
    readonly S3PartBuffers buffers;
    readonly S3Versions versions;
    bool bucketSeen;
    bool? canCreateOnce;

    /// <summary>Makes no connection yet.</summary>
    /// <exception cref="ArgumentException">The settings cannot be right.</exception>
    public S3Store(S3Settings settings, RetryPolicy policy)
    {
        connection = new S3Connection(settings);
        this.policy = policy;
        versions = new S3Versions(connection, policy);
        buffers = new S3PartBuffers(settings.PartLengthBytes, settings.PartsInFlightMax);
    }

    /// <inheritdoc/>
    public string Description => connection.Settings.Description;

    /// <inheritdoc/>
    public async Task PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        string? version = await PutAsync(StoreOperation.Put, name, content, once: false, cancellation).ConfigureAwait(false);
        await versions.ReplaceAsync(StoreOperation.Put, name, version, cancellation).ConfigureAwait(false);
    }

    /// <returns>What the service calls the version; null where it keeps none.</returns>
    async Task<string?> PutAsync(
        StoreOperation operation, string name, ReadOnlyMemory<byte> bytes, bool once, CancellationToken cancellation)
    {
        var content = new S3Content(bytes);
        using var body = content.Open();
        var request = new PutObjectRequest
        {
            BucketName = connection.Bucket, Key = connection.KeyOf(name), InputStream = body, AutoCloseStream = false,
            MD5Digest = content.Md5Header, UseChunkEncoding = false, DisablePayloadSigning = connection.BodiesGoUnsigned,
            IfNoneMatch = once ? "*" : null, ContentType = "application/octet-stream",
        };
        var response = await connection.SendAsync(operation, name,
            token => connection.Client.PutObjectAsync(request, token), cancellation).ConfigureAwait(false);
        content.CheckETag(operation, name, response.ETag, response.ServerSideEncryptionMethod);
        return response.VersionId;
    }

    /// <inheritdoc/>
    public async Task<bool> CreateOnceAsync(
        string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        try
        {
            string? version = await PutAsync(StoreOperation.CreateOnce, name, content, once: true, cancellation)
                .ConfigureAwait(false);
            return version is null || !await versions.AreKeptAsync(StoreOperation.CreateOnce, name, cancellation).ConfigureAwait(false)
                || await versions.CameFirstAsync(name, version, cancellation).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.InnerException is AmazonS3Exception { StatusCode: var status })
        {
            if ((int)status == 412)
                return false;
            if ((int)status == 501)
                throw new NotSupportedException($"{Description} cannot create objects once.", e);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> CanCreateOnceAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return canCreateOnce ??= await CreateOnceProbe.RunAsync(this, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<string?> FindKeptVersionsAsync(CancellationToken cancellation)
    {
        if (await versions.AreKeptAsync(StoreOperation.FindKeptVersions, "", cancellation).ConfigureAwait(false))
            return await versions.FindDefaultHoldAsync(cancellation).ConfigureAwait(false);
        string bucket = connection.Bucket;
        var versioning = await AskBucketAsync(token => connection.Client.GetBucketVersioningAsync(
            new GetBucketVersioningRequest { BucketName = bucket }, token), cancellation).ConfigureAwait(false);
        return versioning?.VersioningConfig?.Status == VersionStatus.Enabled ? $"bucket {bucket} keeps versions of what is deleted" : null;
    }

    /// <summary>Null when the service does not tell: it need not have such a thing, nor say so to everybody.</summary>
    async Task<T?> AskBucketAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation) where T : class
    {
        try
        {
            return await connection.SendAsync(StoreOperation.FindKeptVersions, connection.Bucket, ask, cancellation).ConfigureAwait(false);
        }
        catch (StoreException e) when (e.Failure is StoreFailure.Refused or StoreFailure.NotFound or StoreFailure.Other)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> CanHoldAsync(CancellationToken cancellation) =>
        await versions.AreKeptAsync(StoreOperation.CanHold, connection.Bucket, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public async Task<DateTimeOffset?> FindHoldAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return await versions.AreKeptAsync(StoreOperation.FindHold, name, cancellation).ConfigureAwait(false)
            ? await versions.FindHoldAsync(name, cancellation).ConfigureAwait(false) : null;
    }

    /// <inheritdoc/>
    public async Task HoldAsync(string name, DateTimeOffset until, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (!await versions.AreKeptAsync(StoreOperation.Hold, name, cancellation).ConfigureAwait(false))
            throw new NotSupportedException($"{Description} cannot hold objects: its bucket has no object lock.");
        await versions.HoldAsync(name, until, cancellation).ConfigureAwait(false);
    }

    /// <summary>Starts a large object. Nothing reaches the store before a part is full.</summary>
    public ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return cancellation.IsCancellationRequested
            ? ValueTask.FromCanceled<IObjectWriter>(cancellation)
            : ValueTask.FromResult<IObjectWriter>(new S3Writer(connection, policy, buffers, versions, name));
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(
        string name, long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (buffer.Length == 0)
        {
            await LengthAsync(StoreOperation.Read, name, cancellation).ConfigureAwait(false);
            return 0;
        }
        long last = offset > long.MaxValue - buffer.Length ? long.MaxValue : offset + buffer.Length - 1;
        var range = await GetRangeAsync(StoreOperation.Read, name, new ByteRange(offset, last), buffer, cancellation)
            .ConfigureAwait(false);
        return range.Read;
    }

    /// <inheritdoc/>
    public async ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
        string name, Memory<byte> buffer, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        return buffer.Length == 0
            ? (0, await LengthAsync(StoreOperation.ReadTail, name, cancellation).ConfigureAwait(false))
            : await GetRangeAsync(StoreOperation.ReadTail, name, new ByteRange($"bytes=-{buffer.Length}"), buffer,
                cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(lengthMax);
        return AskAsync(StoreOperation.Get, name, async (version, token) =>
        {
            var request = new GetObjectRequest { BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = version };
            using var response = await connection.Client.GetObjectAsync(request, token).ConfigureAwait(false);
            if (response.ContentLength > lengthMax)
                throw MemoryStore.TooLong(name, response.ContentLength, lengthMax);
            byte[] content = new byte[response.ContentLength];
            await FillAsync(StoreOperation.Get, name, response, content, token).ConfigureAwait(false);
            return content;
        }, cancellation);
    }

    Task<(int Read, long ObjectLength)> GetRangeAsync(
        StoreOperation operation, string name, ByteRange range, Memory<byte> buffer, CancellationToken cancellation) =>
        AskAsync(operation, name, async (version, token) =>
        {
            var request = new GetObjectRequest
            {
                BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = version, ByteRange = range,
            };
            try
            {
                using var response = await connection.Client.GetObjectAsync(request, token).ConfigureAwait(false);
                var (first, last, objectLength) = S3ContentRange.Parse(response.ContentRange) is { } answered
                    ? answered
                    : (0, response.ContentLength - 1, response.ContentLength); // the whole object
                // The end of an object that is shorter than the tail asked for starts at 0.
                long firstExpected = operation == StoreOperation.ReadTail
                    ? Math.Max(0, objectLength - buffer.Length) : range.Start;
                long lengthExpected = Math.Min(buffer.Length, objectLength - firstExpected);
                if (first != firstExpected || last - first + 1 != lengthExpected
                    || response.ContentLength != lengthExpected)
                {
                    throw operation.Failed(StoreFailure.Mismatch, name,
                        $"asked for {lengthExpected} bytes from {firstExpected}, offered {first} to {last}");
                }
                await FillAsync(operation, name, response, buffer[..(int)lengthExpected], token).ConfigureAwait(false);
                return ((int)lengthExpected, objectLength);
            }
            catch (AmazonS3Exception e) when ((int)e.StatusCode == 416)
            {
                return (0, 0L); // The range starts behind the end; a tail's only in an empty object.
            }
        }, cancellation);

    async Task FillAsync(StoreOperation operation, string name, GetObjectResponse response, Memory<byte> buffer,
        CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        int done = 0;
        while (done < buffer.Length)
        {
            silence.CancelAfter(connection.Settings.SilenceMax);
            // The SDK's stream takes an array as large as what it is asked to fill: piece by piece it stays a small one.
            var piece = buffer.Slice(done, Math.Min(buffer.Length - done, ReadPieceSize));
            int read = await response.ResponseStream.ReadAsync(piece, silence.Token).ConfigureAwait(false);
            if (read == 0)
            {
                throw operation.Failed(StoreFailure.Transient, name,
                    $"the answer ended after {done} of {buffer.Length} bytes");
            }
            done += read;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> ExistsAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        try
        {
            await LengthAsync(StoreOperation.Exists, name, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (StoreException e) when (e.Failure == StoreFailure.NotFound)
        {
            return false;
        }
    }

    async Task<long> LengthAsync(StoreOperation operation, string name, CancellationToken cancellation)
    {
        try
        {
            var head = await AskAsync(operation, name, (version, token) => connection.Client.GetObjectMetadataAsync(
                new GetObjectMetadataRequest { BucketName = connection.Bucket, Key = connection.KeyOf(name), VersionId = version },
                token), cancellation).ConfigureAwait(false);
            bucketSeen = true;
            return head.ContentLength;
        }
        catch (StoreException e) when (e.Failure == StoreFailure.NotFound && !bucketSeen)
        {
            // The answer to HEAD has no body, so a missing bucket looks like a missing object. Ask once in another way.
            // Below the prefix: the credentials may be confined to it.
            var request = new ListObjectsV2Request { BucketName = connection.Bucket, Prefix = connection.KeyOf(""), MaxKeys = 1 };
            await connection.SendAsync(operation, name,
                token => connection.Client.ListObjectsV2Async(request, token), cancellation).ConfigureAwait(false);
            bucketSeen = true;
            throw;
        }
    }

    /// <summary>
    /// Asks for an object. S3 answers that a missing one is forbidden to whoever may not list the whole bucket, as credentials that are
    /// confined to a prefix may not: then a listing of that one name knows whether it is there.
    /// </summary>
    Task<T> AskAsync<T>(
        StoreOperation operation, string name, Func<string?, CancellationToken, Task<T>> ask, CancellationToken cancellation) =>
        versions.AskAsync(operation, name,
            version => AskVersionAsync(operation, name, token => ask(version, token), cancellation), cancellation);

    async Task<T> AskVersionAsync<T>(
        StoreOperation operation, string name, Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        try
        {
            return await connection.SendAsync(operation, name, ask, cancellation).ConfigureAwait(false);
        }
        catch (StoreException e) when (e is { Failure: StoreFailure.Refused,
            InnerException: AmazonS3Exception { ErrorCode: "AccessDenied" or "Forbidden" } })
        {
            if (await FindInListingAsync(name, cancellation).ConfigureAwait(false) is not false)
                throw;
            throw operation.Failed(StoreFailure.NotFound, name, "no such object", e);
        }
    }

    /// <summary>Null when the store does not tell.</summary>
    async Task<bool?> FindInListingAsync(string name, CancellationToken cancellation)
    {
        string key = connection.KeyOf(name);
        var request = new ListObjectsV2Request { BucketName = connection.Bucket, Prefix = key, MaxKeys = 1 };
        try
        {
            var page = await connection.SendAsync(StoreOperation.List, name,
                token => connection.Client.ListObjectsV2Async(request, token), cancellation).ConfigureAwait(false);
            // Of all names that begin with it, it comes first itself.
            return page.S3Objects is [{ Key: var first }, ..] && first == key;
        }
        catch (StoreException)
        {
            return null; // What was refused before is what counts.
        }
    }

    internal static Task<GetObjectMetadataResponse> HeadAsync(
        S3Connection connection, StoreOperation operation, string name, CancellationToken cancellation) =>
        connection.SendAsync(operation, name, token => connection.Client.GetObjectMetadataAsync(
            new GetObjectMetadataRequest { BucketName = connection.Bucket, Key = connection.KeyOf(name) }, token),
            cancellation);

    /// <inheritdoc/>
    public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellation)
    {
        ObjectName.CheckPrefix(prefix);
        return ListInOrderAsync(prefix, cancellation);
    }

    async IAsyncEnumerable<ObjectEntry> ListInOrderAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        string lastName = "";
        await foreach (var (key, length) in ListKeysAsync(prefix, cancellation).ConfigureAwait(false))
        {
            if (connection.NameOf(key) is not { } name)
                continue;
            if (string.CompareOrdinal(name, lastName) <= 0)
            {
                throw StoreOperation.List.Failed(StoreFailure.Mismatch, prefix,
                    $"the store lists out of order: {name} after {lastName}");
            }
            lastName = name;
            yield return new ObjectEntry(name, length);
        }
    }

    async IAsyncEnumerable<(string Key, long LengthBytes)> ListKeysAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (await policy.RunAsync((_, attempt) => versions.AreKeptAsync(StoreOperation.List, prefix, attempt).AsTask(), cancellation)
            .ConfigureAwait(false))
        {
            await foreach (var first in versions.ListAsync(prefix, cancellation).ConfigureAwait(false))
                yield return (first.Key, first.Size ?? 0);
            yield break;
        }
        var request = new ListObjectsV2Request { BucketName = connection.Bucket, Prefix = connection.KeyOf(prefix) };
        do
        {
            var page = await policy.RunAsync((_, attempt) => connection.SendAsync(StoreOperation.List, prefix,
                token => connection.Client.ListObjectsV2Async(request, token), attempt), cancellation)
                .ConfigureAwait(false);
            foreach (var entry in page.S3Objects ?? [])
                yield return (entry.Key, entry.Size ?? 0);
            request.ContinuationToken = page.IsTruncated == true ? page.NextContinuationToken : null;
        } while (request.ContinuationToken is not null);
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string name, CancellationToken cancellation)
    {
        ObjectName.Check(name);
        if (await versions.AreKeptAsync(StoreOperation.Delete, name, cancellation).ConfigureAwait(false))
            await versions.DeleteAsync(name, cancellation).ConfigureAwait(false);
        else
            await DeleteNewestAsync(name, cancellation).ConfigureAwait(false);
    }

    Task<bool> DeleteNewestAsync(string name, CancellationToken cancellation) =>
        connection.SendAsync(StoreOperation.Delete, name, async token =>
        {
            try
            {
                var request = new DeleteObjectRequest { BucketName = connection.Bucket, Key = connection.KeyOf(name) };
                await connection.Client.DeleteObjectAsync(request, token).ConfigureAwait(false);
            }
            catch (AmazonS3Exception e) when (e.ErrorCode == "NoSuchKey")
            {
                // Not what S3 says, but what some services do.
            }
            return true;
        }, cancellation);

    /// <inheritdoc/>
    public async IAsyncEnumerable<UnfinishedObject> ListUnfinishedAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var request = new ListMultipartUploadsRequest { BucketName = connection.Bucket, Prefix = connection.KeyOf("") };
        bool more;
        do
        {
            var page = await policy.RunAsync((_, attempt) => connection.SendAsync(StoreOperation.ListUnfinished, "",
                token => connection.Client.ListMultipartUploadsAsync(request, token), attempt), cancellation)
                .ConfigureAwait(false);
            foreach (var upload in page.MultipartUploads ?? [])
            {
                if (connection.NameOf(upload.Key) is { } name)
                    yield return new UnfinishedObject(name, upload.UploadId);
            }
            more = page.IsTruncated == true;
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        } while (more);
    }

    /// <inheritdoc/>
    public async Task DiscardUnfinishedAsync(UnfinishedObject unfinished, CancellationToken cancellation)
    {
        ObjectName.Check(unfinished.Name);
        try
        {
            await AbortAsync(connection, StoreOperation.DiscardUnfinished, unfinished.Name, unfinished.Handle,
                cancellation).ConfigureAwait(false);
        }
        catch (StoreException e) when (S3Failure.IsNoSuchUpload(e))
        {
            // It is gone, which is what was wanted.
        }
    }

    internal static Task AbortAsync(S3Connection connection, StoreOperation operation, string name, string uploadId,
        CancellationToken cancellation) =>
        connection.SendAsync(operation, name, token => connection.Client.AbortMultipartUploadAsync(
            new AbortMultipartUploadRequest
            {
                BucketName = connection.Bucket, Key = connection.KeyOf(name), UploadId = uploadId,
            }, token), cancellation);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        connection.Dispose();
        buffers.Dispose();
        return ValueTask.CompletedTask;
    }
}
