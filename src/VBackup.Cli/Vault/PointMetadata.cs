using System.Buffers;
using System.Text.Json;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.Vault.Format;

namespace VBackup.Cli.Vault;

/// <summary>
/// A point's metadata as this program writes it: the user's own JSON object, and beside its members <c>vbackup</c> with the
/// host and the paths that the volumes came from.
/// </summary>
static class PointMetadata
{
    const string OwnMember = "vbackup";
    const int FileSizeMax = 1024 * 1024;

    /// <param name="file">The user's metadata, or null.</param>
    /// <exception cref="RefusedException">The file is no JSON object, or too large.</exception>
    public static async Task<JsonElement> MakeAsync(
        string? file, IReadOnlyList<NamedPath> sources, CancellationToken cancellation)
    {
        using var users = file is null ? null : await ReadAsync(file, cancellation).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (users is not null)
                foreach (var member in users.RootElement.EnumerateObject()) member.WriteTo(json);
            json.WriteStartObject(OwnMember);
            json.WriteString("host", Environment.MachineName);
            json.WriteStartObject("sources");
            foreach (var source in sources) json.WriteString(source.Name, FileIdentity.RealPath(source.Path));
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    /// <summary>The paths on this host that the point's volumes came from; none when it was made elsewhere.</summary>
    public static IEnumerable<NamedPath> SourcesHere(PointDocument point)
    {
        if (point.Metadata is not { ValueKind: JsonValueKind.Object } metadata
            || !metadata.TryGetProperty(OwnMember, out var own) || own.ValueKind != JsonValueKind.Object
            || !own.TryGetProperty("host", out var host) || host.ValueKind != JsonValueKind.String
            || host.GetString() != Environment.MachineName
            || !own.TryGetProperty("sources", out var sources) || sources.ValueKind != JsonValueKind.Object) yield break;
        foreach (var source in sources.EnumerateObject())
            if (source.Value.ValueKind == JsonValueKind.String) yield return new(source.Name, source.Value.GetString()!);
    }

    static async Task<JsonDocument> ReadAsync(string path, CancellationToken cancellation)
    {
        var file = await InputStream.OpenAsync(
            path, "the metadata", FileSizeMax, "a point keeps no more metadata", cancellation).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
        {
            JsonDocument document;
            try
            {
                // Less deep than a point may be, of which it becomes a part.
                document = await JsonDocument.ParseAsync(file, new() { MaxDepth = 48 }, cancellation).ConfigureAwait(false);
            }
            catch (JsonException wrong)
            {
                throw new RefusedException(
                    $"{path} is not JSON: it is wrong in line {wrong.LineNumber + 1} at byte {wrong.BytePositionInLine}");
            }
            if (document.RootElement.ValueKind == JsonValueKind.Object && !document.RootElement.TryGetProperty(OwnMember, out _))
                return document;
            document.Dispose();
            throw new RefusedException($"{path} must hold a JSON object without a member \"{OwnMember}\", which is kept for this program");
        }
    }
}
