using Amazon.S3.Model;

namespace VBackup.Vault.Stores;

/// <summary>
/// Collects parts and sends them while the next is filled. Every object is a multipart upload, a small one too: an upload
/// completes once, so a request that was given up and arrives late cannot bring back an object that was deleted since
/// (docs/session-protocol.md, F5). What is sent is tried again as the policy says, so a failure that shows here is final.
/// </summary>
sealed class S3Writer(S3Connection connection, RetryPolicy policy, S3PartBuffers buffers, S3Versions versions, string name)
    : IObjectWriter
{
    /// <param name="Md5">Ours over TLS, else what the service answers with; null when that is no MD5.</param>
    readonly record struct SentPart(PartETag ETag, byte[]? Md5);

    const int PartsMax = 10_000;

    /// <summary>Somebody may be waiting for the program to stop.</summary>
    static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(10);

    readonly CancellationTokenSource discarded = new();
    readonly List<Task<SentPart>> sending = [];
    byte[]? filling;
    int filled;
    string? uploadId;
    string? version;
    StoreOperation doing = StoreOperation.Append;
    bool committed, broken, disposed;

    public long Length { get; private set; }

    public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellation);
        if (committed || broken)
            return ValueTask.FromException(new InvalidOperationException("The writer is committed or has failed."));
        filling ??= buffers.Rent();
        if (piece.Length > filling.Length - filled)
            return AppendAcrossPartsAsync(piece, cancellation);
        Collect(piece.Span);
        return ValueTask.CompletedTask;
    }

    async ValueTask AppendAcrossPartsAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        broken = true; // until all of the piece is taken: half a piece cannot be taken back
        while (piece.Length > 0)
        {
            if (filling is not null && filled == filling.Length)
                await SendPartAsync(cancellation).ConfigureAwait(false);
            filling ??= buffers.Rent();
            int taken = Math.Min(piece.Length, filling.Length - filled);
            Collect(piece.Span[..taken]);
            piece = piece[taken..];
        }
        broken = false;
    }

    void Collect(ReadOnlySpan<byte> piece)
    {
        piece.CopyTo(filling.AsSpan(filled));
        filled += piece.Length;
        Length += piece.Length;
    }

    async Task SendPartAsync(CancellationToken cancellation)
    {
        if (sending.FirstOrDefault(part => part.IsFaulted) is { } failed)
            await failed.ConfigureAwait(false);
        if (sending.Count == PartsMax)
            throw StoreOperation.Append.Failed(StoreFailure.Other, name, $"it has more than {PartsMax} parts");
        uploadId ??= await BeginAsync(cancellation).ConfigureAwait(false);
        await buffers.InFlight.WaitAsync(cancellation).ConfigureAwait(false);
        var (part, length) = (filling!, filled);
        (filling, filled) = (null, 0);
        int number = sending.Count + 1;
        sending.Add(Task.Run(() => UploadAsync(part, length, number), CancellationToken.None));
    }

    Task<string> BeginAsync(CancellationToken cancellation) =>
        policy.RunAsync((_, attempt) => connection.SendAsync(doing, name, async token =>
        {
            var begun = await connection.Client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest
            {
                BucketName = connection.Bucket, Key = connection.KeyOf(name), ContentType = "application/octet-stream",
            }, token).ConfigureAwait(false);
            return begun.UploadId;
        }, attempt), cancellation);

    async Task<SentPart> UploadAsync(byte[] part, int length, int number)
    {
        try
        {
            var content = new S3Content(part.AsMemory(0, length), hasMd5: connection.BodiesGoUnsigned);
            return await policy.RunAsync(async (_, attempt) =>
            {
                using var body = content.Open();
                var request = new UploadPartRequest
                {
                    BucketName = connection.Bucket, Key = connection.KeyOf(name), UploadId = uploadId,
                    PartNumber = number, PartSize = length, InputStream = body, MD5Digest = content.Md5Header,
                    UseChunkEncoding = false, DisablePayloadSigning = connection.BodiesGoUnsigned,
                };
                var response = await connection.SendAsync(doing, name,
                    token => connection.Client.UploadPartAsync(request, token), attempt).ConfigureAwait(false);
                content.CheckETag(doing, name, response.ETag, response.ServerSideEncryptionMethod);
                return new SentPart(new PartETag(number, response.ETag), content.Md5 ?? S3Content.Md5In(response.ETag));
            }, discarded.Token).ConfigureAwait(false);
        }
        finally
        {
            buffers.InFlight.Release();
            buffers.Return(part);
        }
    }

    public async ValueTask CommitAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (committed)
            return;
        if (broken)
            throw new InvalidOperationException("The writer has failed.");
        broken = true;
        doing = StoreOperation.Commit;
        filling ??= buffers.Rent();
        await SendPartAsync(cancellation).ConfigureAwait(false);
        var parts = await Task.WhenAll(sending).WaitAsync(cancellation).ConfigureAwait(false);
        var isChecked = await policy.RunAsync((failed, attempt) => CompleteAsync(parts, failed > 0, attempt), cancellation)
            .ConfigureAwait(false);
        if (!isChecked) await policy.RunAsync((_, attempt) => CheckStoredAsync(parts, attempt), cancellation).ConfigureAwait(false);
        await policy.RunAsync(async (_, attempt) =>
        {
            await versions.ReplaceAsync(StoreOperation.Commit, name, version, attempt).ConfigureAwait(false);
            return true;
        }, cancellation).ConfigureAwait(false);
        (committed, broken) = (true, false);
    }

    /// <returns>Whether the answer vouches for what is stored: its checksum is that of all parts, whose lengths it covers.</returns>
    async Task<bool> CompleteAsync(SentPart[] parts, bool inDoubt, CancellationToken cancellation)
    {
        try
        {
            var completed = await connection.SendAsync(StoreOperation.Commit, name,
                token => connection.Client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest
                {
                    BucketName = connection.Bucket, Key = connection.KeyOf(name), UploadId = uploadId,
                    PartETags = [.. parts.Select(p => p.ETag)],
                }, token), cancellation).ConfigureAwait(false);
            version = completed.VersionId;
            return S3Content.ETagIsMd5(completed.ServerSideEncryptionMethod)
                && ETagOf(parts) is { } expected && S3Content.Matches(completed.ETag, expected);
        }
        catch (StoreException e) when (inDoubt && S3Failure.IsNoSuchUpload(e))
        {
            // An attempt before this one was applied although it was reported as failed, or somebody discarded the
            // upload; what is stored decides.
            try
            {
                return await CheckStoredAsync(parts, cancellation).ConfigureAwait(false);
            }
            catch (StoreException missing) when (missing.Failure == StoreFailure.NotFound)
            {
                throw e;
            }
        }
    }

    /// <summary>Null when a part's MD5 is not known.</summary>
    static string? ETagOf(SentPart[] parts)
    {
        List<byte[]> md5s = [.. parts.Select(p => p.Md5).OfType<byte[]>()];
        return md5s.Count == parts.Length ? S3Content.ETagOfParts(md5s) : null;
    }

    async Task<bool> CheckStoredAsync(SentPart[] parts, CancellationToken cancellation)
    {
        var head = await S3Store.HeadAsync(connection, StoreOperation.Commit, name, cancellation).ConfigureAwait(false);
        if (head.ContentLength != Length)
        {
            throw StoreOperation.Commit.Failed(StoreFailure.Mismatch, name,
                $"the store has {head.ContentLength} bytes, sent were {Length}");
        }
        if (S3Content.ETagIsMd5(head.ServerSideEncryptionMethod)
            && ETagOf(parts) is { } expected && !S3Content.Matches(head.ETag, expected))
        {
            throw StoreOperation.Commit.Failed(
                StoreFailure.Mismatch, name, "the store has another checksum than was sent");
        }
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        if (disposed)
            return;
        disposed = true;
        await discarded.CancelAsync().ConfigureAwait(false);
        // An upload that is aborted while a part arrives may keep that part; so let them end first.
        await ((Task)Task.WhenAll(sending)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (filling is not null)
            buffers.Return(filling);
        filling = null;
        if (uploadId is not null && !committed)
        {
            using var farewell = new CancellationTokenSource(AbortPatience, policy.Clock);
            try
            {
                await S3Store.AbortAsync(connection, StoreOperation.Append, name, uploadId, farewell.Token).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is StoreException or OperationCanceledException)
            {
                // It stays, and is listed as unfinished. Disposing must not hide why the writer was given up.
            }
        }
        discarded.Dispose();
    }
}
