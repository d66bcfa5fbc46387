using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Cli.Terminal;
using VBackup.Primitives;

namespace VBackup.Cli.Vault;

/// <summary>One range of EXTENTS.json. What else stands beside the two is passed over.</summary>
readonly record struct ExtentEntry
{
    public required long Offset { get; init; }
    public required long Length { get; init; }
}

// Of an offset that stands twice, one would be left out, and what changed there be lost.
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(ExtentEntry))]
sealed partial class ExtentJson : JsonSerializerContext;

/// <summary>What changed in a volume: <c>[{"offset":0,"length":65536}, …]</c>, as Ceph and libvirt tell it.</summary>
static class ExtentsFile
{
    const string Example = """[{"offset":0,"length":65536}]""";
    const long SizeMax = 256L * 1024 * 1024;

    /// <summary>Reads the file piece by piece, never whole.</summary>
    /// <exception cref="RefusedException">It is not such a list, or a range is none of the volume's.</exception>
    /// <exception cref="UsageException">It is no list at all.</exception>
    public static async Task<Extents> ReadAsync(string path, string volume, long volumeLengthBytes, CancellationToken cancellation)
    {
        const string wayOut = "leave --changed away, and the volume is reread";
        var file = await InputStream.OpenAsync(path, "the changed extents", SizeMax, wayOut, cancellation).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
        {
            // The parser takes null for a list without anything in it, and then nothing would have changed.
            if (await file.PeekAsync(cancellation).ConfigureAwait(false) != '[')
                throw new UsageException($"{path} is not a list of extents: it must begin with '[', like {Example}");
            List<Extent> ranges = [];
            try
            {
                await foreach (var entry in JsonSerializer.DeserializeAsyncEnumerable(
                    file, ExtentJson.Default.ExtentEntry, cancellation).ConfigureAwait(false))
                    ranges.Add(new(entry.Offset, entry.Length));
                return Extents.Checked(ranges, volumeLengthBytes);
            }
            catch (FormatException wrong)
            {
                throw new RefusedException($"{path} does not fit volume {volume}: {wrong.Message}");
            }
            catch (JsonException wrong)
            {
                throw new RefusedException(
                    $"{path} is not a list of extents like {Example}: "
                    + $"it is wrong in line {wrong.LineNumber + 1} at byte {wrong.BytePositionInLine}");
            }
        }
    }
}
