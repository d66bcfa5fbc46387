using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Amazon.S3;

namespace VBackup.Vault.Stores;

/// <summary>What is sent, and its MD5 where it has one: S3 checks it on arrival, and answers with what it has stored.</summary>
sealed class S3Content
{
    readonly ArraySegment<byte> bytes;

    /// <param name="hasMd5">Whether the MD5 guards the content. Else the SHA-256 in the request's signature has to.</param>
    public S3Content(ReadOnlyMemory<byte> content, bool hasMd5 = true)
    {
        if (!MemoryMarshal.TryGetArray(content, out bytes))
            bytes = content.ToArray();
        Md5 = hasMd5 ? Md5Of(bytes) : null;
    }

    public byte[]? Md5 { get; }
    public string? Md5Header => Md5 is null ? null : Convert.ToBase64String(Md5);

    /// <summary>A stream of its own for every attempt.</summary>
    public Stream Open() => new MemoryStream(bytes.Array ?? [], bytes.Offset, bytes.Count, writable: false);

    /// <summary>Compares what the store says it has with what was sent.</summary>
    /// <exception cref="StoreException">They differ.</exception>
    public void CheckETag(StoreOperation operation, string name, string? etag, ServerSideEncryptionMethod? encryption)
    {
        if (Md5 is null || !ETagIsMd5(encryption))
            return;
        if (!Matches(etag, Convert.ToHexStringLower(Md5)))
            throw operation.Failed(StoreFailure.Mismatch, name, "the store answers with another checksum than was sent");
    }

    /// <summary>With keys of a key service the ETag is something else; there S3's own check on arrival must do.</summary>
    public static bool ETagIsMd5(ServerSideEncryptionMethod? encryption) =>
        encryption is null || encryption == ServerSideEncryptionMethod.None
        || encryption == ServerSideEncryptionMethod.AES256;

    /// <summary>The ETag of an object of parts: the MD5 of the parts' MD5s, and their number.</summary>
    public static string ETagOfParts(IReadOnlyList<byte[]> md5s) =>
        $"{Convert.ToHexStringLower(Md5Of(md5s.SelectMany(m => m).ToArray()))}-{md5s.Count}";

    /// <summary>The MD5 that an ETag of one part or object says; null when it says something else.</summary>
    public static byte[]? Md5In(string? etag)
    {
        byte[] md5 = new byte[MD5.HashSizeInBytes];
        return Convert.FromHexString(etag.AsSpan().Trim('"'), md5, out int taken, out int written) == OperationStatus.Done
            && taken == 2 * md5.Length && written == md5.Length ? md5 : null;
    }

    public static bool Matches(string? etag, string expected) =>
        string.Equals(etag?.Trim('"'), expected, StringComparison.OrdinalIgnoreCase);

    [SuppressMessage("Security", "CA5351", Justification = "S3 defines ETag and Content-MD5 so; it guards against accidents only.")]
    static byte[] Md5Of(ReadOnlySpan<byte> content) => MD5.HashData(content);
}
