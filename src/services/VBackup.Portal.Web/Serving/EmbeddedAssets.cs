using System.Collections.Concurrent;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace VBackup.Portal.Web.Serving;

/// <summary>What browsers load beside the pages: scripts, style sheets, the icon. All of it comes from this assembly.
/// Thread-safe.</summary>
static class EmbeddedAssets
{
    static readonly Assembly s_assembly = typeof(EmbeddedAssets).Assembly;
    static readonly ConcurrentDictionary<string, Asset> s_read = new(StringComparer.Ordinal);

    /// <summary>Where one is. Its address changes with its content, so that browsers may keep it for ever.</summary>
    public static string PathOf(string name) => $"assets/{name}?v={Read(name)!.Digest}";

    public static IResult Send(string name, string? v, HttpContext http)
    {
        if (Read(name) is not { } asset) return TypedResults.NotFound();
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.CacheControl = v == asset.Digest ? "public, max-age=31536000, immutable" : "no-cache";
        http.Response.Headers.Vary = HeaderNames.AcceptEncoding;
        var isPacked = http.Request.GetTypedHeaders().AcceptEncoding.Any(one => one.Value == "gzip" && one.Quality is not 0);
        if (isPacked) http.Response.Headers.ContentEncoding = "gzip";
        return TypedResults.Bytes(isPacked ? asset.Packed : asset.Plain, asset.MediaType);
    }

    static Asset? Read(string name)
    {
        if (s_read.TryGetValue(name, out var known)) return known;
        // Only names of what there is are remembered: others are made up by whoever asks.
        using var stream = s_assembly.GetManifestResourceStream(name);
        if (stream is null || MediaTypeOf(name) is not { } mediaType) return null;
        var plain = new byte[stream.Length];
        stream.ReadExactly(plain);
        using var packed = new MemoryStream();
        using (var packing = new GZipStream(packed, CompressionLevel.Optimal)) packing.Write(plain);
        return s_read.GetOrAdd(name, new Asset(plain, packed.ToArray(), mediaType, Convert.ToHexStringLower(SHA256.HashData(plain))[..16]));
    }

    static string? MediaTypeOf(string name) => Path.GetExtension(name) switch
    {
        ".js" => "text/javascript; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => null,
    };

    sealed record Asset(byte[] Plain, byte[] Packed, string MediaType, string Digest);
}
