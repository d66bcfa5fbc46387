using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What the S3 store makes of answers, right and wrong ones.</summary>
[SuppressMessage("Security", "CA5351", Justification = "S3 defines ETag so.")]
public sealed class S3AnswerTests
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;
    static readonly byte[] Content = "content"u8.ToArray();

    static string ETag(byte[] content) => $"ETag: \"{Convert.ToHexStringLower(MD5.HashData(content))}\"";

    internal static S3Store StoreAt(Uri endpoint, RetryLimits? limits = null, TimeProvider? clock = null) => new(
        new S3Settings
        {
            Bucket = "bucket", Prefix = "vault", Endpoint = endpoint, PartsInFlightMax = 1, HasObjectLock = false,
            AccessKeyId = "AKIDTHATNOBODYMAYSEE", SecretAccessKey = "SECRETTHATNOBODYMAYSEE",
        },
        new RetryPolicy(limits ?? RetryLimits.Patient, clock ?? new RushingClock(), seed: 1));

    static async Task<StoreException> PutFailsWith(string answer)
    {
        await using var server = new ScriptedServer(answer);
        await using var store = StoreAt(server.Address);
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("points/p", Content, Token));
        Assert.Equal("PUT /bucket/vault/points/p HTTP/1.1", Assert.Single(server.Requests));
        Assert.DoesNotContain("NOBODYMAYSEE", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.NotEmpty(failure.Reason);
        Assert.DoesNotContain("Exception", failure.Message, StringComparison.Ordinal);
        return failure;
    }

    [Theory]
    [InlineData(500, "InternalError", StoreFailure.Transient)]
    [InlineData(503, "SlowDown", StoreFailure.Transient)]
    [InlineData(503, "ServiceUnavailable", StoreFailure.Transient)]
    [InlineData(400, "RequestTimeout", StoreFailure.Transient)]
    [InlineData(400, "BadDigest", StoreFailure.Transient)]
    [InlineData(409, "OperationAborted", StoreFailure.Transient)]
    [InlineData(403, "AccessDenied", StoreFailure.Refused)]
    [InlineData(403, "InvalidAccessKeyId", StoreFailure.Refused)]
    [InlineData(403, "SignatureDoesNotMatch", StoreFailure.Refused)]
    [InlineData(403, "RequestTimeTooSkewed", StoreFailure.Refused)]
    [InlineData(403, "Unheard", StoreFailure.Refused)]
    [InlineData(403, "QuotaExceeded", StoreFailure.Full)]
    [InlineData(404, "NoSuchBucket", StoreFailure.Other)]
    [InlineData(400, "InvalidArgument", StoreFailure.Other)]
    [InlineData(501, "NotImplemented", StoreFailure.Other)]
    public async Task Errors_are_of_their_kind_even_when_their_message_is_empty(int status, string code, StoreFailure kind)
    {
        Assert.Equal(kind, (await PutFailsWith(ScriptedServer.Error(status, code))).Failure);
    }

    [Theory]
    [InlineData(502, StoreFailure.Transient)]
    [InlineData(504, StoreFailure.Transient)]
    [InlineData(429, StoreFailure.Transient)]
    [InlineData(401, StoreFailure.Refused)]
    [InlineData(403, StoreFailure.Refused)]
    [InlineData(507, StoreFailure.Full)]
    public async Task Answers_of_something_between_us_and_the_store_are_judged_by_their_status(
        int status, StoreFailure kind)
    {
        Assert.Equal(kind, (await PutFailsWith(ScriptedServer.Answer(status))).Failure);
        Assert.Equal(kind, (await PutFailsWith(
            ScriptedServer.Answer(status, "<html>proxy</html>", "Content-Type: text/html"))).Failure);
    }

    [Fact]
    public async Task A_connection_that_breaks_off_is_transient()
    {
        Assert.Equal(StoreFailure.Transient, (await PutFailsWith(ScriptedServer.HangUp)).Failure);
        Assert.Equal(StoreFailure.Transient, (await PutFailsWith("HTTP/1.1 200 O")).Failure);
    }

    [Fact]
    public async Task A_service_that_echoes_what_was_signed_does_not_get_it_into_our_message()
    {
        var failure = await PutFailsWith(
            ScriptedServer.Error(403, "SignatureDoesNotMatch", "You signed with AKIDTHATNOBODYMAYSEE\nand so on"));
        Assert.Equal("the secret key is wrong", failure.Reason);
    }

    [Fact]
    public async Task A_put_whose_answer_has_another_checksum_is_a_mismatch()
    {
        Assert.Equal(StoreFailure.Mismatch,
            (await PutFailsWith(ScriptedServer.Answer(200, "", ETag("other"u8.ToArray())))).Failure);
        Assert.Equal(StoreFailure.Mismatch, (await PutFailsWith(ScriptedServer.Answer(200))).Failure);
    }

    [Fact]
    public async Task With_keys_of_a_key_service_the_etag_is_not_compared()
    {
        await using var server = new ScriptedServer(ScriptedServer.Answer(
            200, "", ETag("other"u8.ToArray()), "x-amz-server-side-encryption: aws:kms"));
        await using var store = StoreAt(server.Address);
        await store.PutAsync("points/p", Content, Token);
    }

    static async Task<int> Read(string answer, int length = 7, long offset = 0)
    {
        await using var server = new ScriptedServer(answer);
        await using var store = StoreAt(server.Address);
        return await store.ReadAsync("packs/ab/p", offset, new byte[length], Token);
    }

    static async Task<StoreFailure> ReadFailsWith(string answer, int length = 7, long offset = 0) =>
        (await Assert.ThrowsAsync<StoreException>(() => Read(answer, length, offset))).Failure;

    [Fact]
    public async Task An_answer_that_ends_early_is_transient()
    {
        Assert.Equal(StoreFailure.Transient, await ReadFailsWith(ScriptedServer.Answer(
            206, "cont", "Content-Length: 7", "Content-Range: bytes 0-6/7")));
    }

    [Fact]
    public async Task An_answer_with_another_range_than_asked_for_is_a_mismatch()
    {
        Assert.Equal(StoreFailure.Mismatch, await ReadFailsWith(ScriptedServer.Answer(
            206, "ontent!", "Content-Range: bytes 1-7/9")));
        Assert.Equal(StoreFailure.Mismatch, await ReadFailsWith(ScriptedServer.Answer(
            206, "conten", "Content-Range: bytes 0-5/9")));
        Assert.Equal(StoreFailure.Mismatch, await ReadFailsWith(ScriptedServer.Answer(200, "content"), 3, offset: 2));
    }

    [Fact]
    public async Task The_end_of_the_object_shortens_a_read()
    {
        Assert.Equal(3, await Read(ScriptedServer.Answer(206, "ent", "Content-Range: bytes 4-6/7"), 100, offset: 4));
        Assert.Equal(0, await Read(ScriptedServer.Error(416, "InvalidRange"), 100, offset: 7));
    }

    [Fact]
    public async Task A_missing_bucket_is_told_from_a_missing_object()
    {
        await using var server = new ScriptedServer(
            ScriptedServer.Answer(404), ScriptedServer.Error(404, "NoSuchBucket"));
        await using var store = StoreAt(server.Address);
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.ExistsAsync("points/p", Token));
        Assert.Equal("bucket bucket does not exist: create it", failure.Reason);
        Assert.Equal(StoreFailure.Other, failure.Failure);
    }

    [Fact]
    public async Task A_service_that_ignores_the_condition_cannot_create_once()
    {
        string Stored(string content) => ScriptedServer.Answer(200, "", ETag(System.Text.Encoding.UTF8.GetBytes(content)));
        await using var server = new ScriptedServer(
            Stored("first"), Stored("second"), ScriptedServer.Answer(204));
        await using var store = StoreAt(server.Address);
        Assert.False(await store.CanCreateOnceAsync(Token));
        Assert.False(await store.CanCreateOnceAsync(Token)); // remembered: nothing more is asked
        Assert.True(server.AllAnswersWereGiven);
        Assert.StartsWith("DELETE /bucket/vault/probe/", server.Requests[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_does_not_know_the_condition_says_so()
    {
        await using var server = new ScriptedServer(
            ScriptedServer.Error(501, "NotImplemented"), ScriptedServer.Error(501, "NotImplemented"),
            ScriptedServer.Answer(204));
        await using var store = StoreAt(server.Address);
        await Assert.ThrowsAsync<NotSupportedException>(() => store.CreateOnceAsync("a", Content, Token));
        Assert.False(await store.CanCreateOnceAsync(Token));
    }

    const int PartLength = 5 << 20;

    static readonly byte[] Large = new byte[PartLength + 3];

    static string[] UploadThen(params string[] rest)
    {
        string begun = ScriptedServer.Answer(200,
            "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>u1</UploadId>"
            + "</InitiateMultipartUploadResult>", "Content-Type: application/xml");
        return [begun, Part(0, PartLength), Part(PartLength, 3), .. rest];
    }

    static string Part(int offset, int length) => ScriptedServer.Answer(200, "", ETag(Large[offset..(offset + length)]));

    static string Stored(byte[] content)
    {
        byte[] md5s = [.. MD5.HashData(content.AsSpan(0, PartLength)), .. MD5.HashData(content.AsSpan(PartLength))];
        return ScriptedServer.Answer(200, "", $"Content-Length: {content.Length}",
            $"ETag: \"{Convert.ToHexStringLower(MD5.HashData(md5s))}-2\"");
    }

    static async Task WriteLarge(S3Store store)
    {
        await using var writer = await store.OpenWriterAsync("packs/ab/p", Token);
        await writer.AppendAsync(Large, Token);
        await writer.CommitAsync(Token);
    }

    [Fact]
    public async Task A_completion_that_was_applied_but_whose_answer_was_lost_is_recognised()
    {
        await using var server = new ScriptedServer(UploadThen(
            ScriptedServer.HangUp, ScriptedServer.Error(404, "NoSuchUpload"), Stored(Large)));
        await using var store = StoreAt(server.Address);
        await WriteLarge(store);
        Assert.True(server.AllAnswersWereGiven);
    }

    [Fact]
    public async Task A_completion_after_a_discard_is_not_taken_for_success()
    {
        await using var server = new ScriptedServer(UploadThen(
            ScriptedServer.HangUp, ScriptedServer.Error(404, "NoSuchUpload"), ScriptedServer.Answer(404),
            ScriptedServer.Answer(204)));
        await using var store = StoreAt(server.Address);
        var failure = await Assert.ThrowsAsync<StoreException>(() => WriteLarge(store));
        Assert.Equal(StoreFailure.NotFound, failure.Failure);
    }

    [Fact]
    public async Task What_the_store_has_after_the_completion_is_compared_with_what_was_sent()
    {
        const string Completed = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";
        byte[] other = [.. Large];
        other[5] ^= 1;
        foreach (byte[] stored in new[] { other, Large[..^1] })
        {
            await using var server = new ScriptedServer(UploadThen(
                ScriptedServer.Answer(200, Completed, "Content-Type: application/xml"), Stored(stored),
                ScriptedServer.Answer(204)));
            await using var store = StoreAt(server.Address);
            Assert.Equal(StoreFailure.Mismatch,
                (await Assert.ThrowsAsync<StoreException>(() => WriteLarge(store))).Failure);
        }
    }

    [Fact]
    public async Task A_completion_whose_answer_has_the_checksum_of_all_parts_needs_no_other_look()
    {
        byte[] md5s = [.. MD5.HashData(Large.AsSpan(0, PartLength)), .. MD5.HashData(Large.AsSpan(PartLength))];
        await using var server = new ScriptedServer(UploadThen(ScriptedServer.Answer(200,
            $"<CompleteMultipartUploadResult><ETag>\"{Convert.ToHexStringLower(MD5.HashData(md5s))}-2\"</ETag>"
                + "</CompleteMultipartUploadResult>",
            "Content-Type: application/xml")));
        await using var store = StoreAt(server.Address);
        await WriteLarge(store);
        Assert.True(server.AllAnswersWereGiven);
        Assert.DoesNotContain(server.Requests, request => request.StartsWith("HEAD", StringComparison.Ordinal));
    }

    // The service refuses a body that does not have the hash in its signature; so the MD5 may be left out, but not both.
    [Fact]
    public async Task A_part_over_plain_HTTP_has_its_SHA_256_signed_and_no_second_checksum()
    {
        await using var server = new ScriptedServer(UploadThen(
            ScriptedServer.Answer(200, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"), Stored(Large)));
        await using var store = StoreAt(server.Address);
        await WriteLarge(store);
        string[][] parts = [.. server.Heads.Where(head => head[0].StartsWith("PUT", StringComparison.Ordinal))];
        Assert.Equal(2, parts.Length);
        foreach (var (head, sent) in parts.Zip([Large[..PartLength], Large[PartLength..]]))
        {
            string hash = Convert.ToHexStringLower(SHA256.HashData(sent));
            Assert.Contains($"x-amz-content-sha256: {hash}", head, StringComparer.OrdinalIgnoreCase);
            Assert.Contains(head, line => line.Contains("SignedHeaders=", StringComparison.Ordinal)
                && line.Contains("x-amz-content-sha256", StringComparison.Ordinal));
            Assert.DoesNotContain(head, line => line.StartsWith("Content-MD5", StringComparison.OrdinalIgnoreCase)
                || line.StartsWith("x-amz-checksum", StringComparison.OrdinalIgnoreCase)
                || line.StartsWith("x-amz-trailer", StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public async Task A_part_that_fails_is_sent_again()
    {
        string[] script = UploadThen();
        await using var server = new ScriptedServer([script[0], ScriptedServer.HangUp, script[1],
            ScriptedServer.Error(503, "SlowDown"), script[2], ScriptedServer.Answer(200,
                "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"), Stored(Large)]);
        await using var store = StoreAt(server.Address);
        await WriteLarge(store);
        Assert.True(server.AllAnswersWereGiven);
    }

    [Fact]
    public async Task A_part_that_keeps_failing_fails_the_writer_and_the_upload_is_aborted()
    {
        string[] script = UploadThen();
        await using var server = new ScriptedServer([script[0], ScriptedServer.Error(403, "AccessDenied"),
            ScriptedServer.Answer(204), ScriptedServer.Answer(204)]);
        // The abort has some time, of a clock that goes as clocks do.
        await using var store = StoreAt(server.Address, clock: TimeProvider.System);
        var failure = await Assert.ThrowsAsync<StoreException>(() => WriteLarge(store));
        Assert.Equal(StoreFailure.Refused, failure.Failure);
        Assert.Contains(server.Requests,
            r => r.StartsWith("DELETE /bucket/vault/packs/ab/p?uploadId=u1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_listing_out_of_order_is_not_believed()
    {
        await using var server = new ScriptedServer(ScriptedServer.Answer(200,
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>vault/b</Key><Size>1</Size></Contents>"
            + "<Contents><Key>vault/a</Key><Size>1</Size></Contents></ListBucketResult>", "Content-Type: application/xml"));
        await using var store = StoreAt(server.Address);
        var failure = await Assert.ThrowsAsync<StoreException>(async () =>
        {
            await foreach (var _ in store.ListAsync("", Token)) { }
        });
        Assert.Equal(StoreFailure.Mismatch, failure.Failure);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_unreachable_after_retries()
    {
        Uri address;
        await using (var gone = new ScriptedServer())
            address = gone.Address;
        var clock = new RushingClock();
        await using var store = StoreLocation.Open("s3://bucket/vault", new StoreOptions
        {
            Clock = clock,
            Variable = name => name switch
            {
                "AWS_ENDPOINT_URL" => address.ToString(), "AWS_ACCESS_KEY_ID" => "a", "AWS_SECRET_ACCESS_KEY" => "s",
                _ => null,
            },
        });
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.ExistsAsync("points/p", Token));
        Assert.Equal(StoreFailure.Unreachable, failure.Failure);
        Assert.StartsWith("look for points/p: no connection: the connection was refused (gave up after 6 attempts",
            failure.Message, StringComparison.Ordinal);
    }
}
