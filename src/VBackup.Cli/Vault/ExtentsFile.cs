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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ExtentEntry))]
sealed partial class ExtentJson : JsonSerializerContext;

/// <summary>What changed in a volume: <c>[{"offset":0,"length":65536}, …]</c>, as Ceph and libvirt tell it.</summary>
static class ExtentsFile
{
    const long SizeMax = 256L * 1024 * 1024;

    /// <summary>Reads the file piece by piece, never whole.</summary>
    /// <exception cref="RefusedException">It is not such a list, or a range is none of the volume's.</exception>
    public static async Task<Extents> ReadAsync(string path, string volume, long volumeLengthBytes, CancellationToken cancellation)
    {
        if (Directory.Exists(path)) throw new RefusedException($"{path} is a folder: name the file with the changed extents");
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            if (file.Length > SizeMax)
                throw new RefusedException(
                    $"{path} has {Units.Size(file.Length)}, more than {Units.Size(SizeMax)}: leave --changed away, and the volume is reread");
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
                    $"{path} is not a list of extents like [{{\"offset\":0,\"length\":65536}}]: "
                    + $"it is wrong in line {wrong.LineNumber + 1} at byte {wrong.BytePositionInLine}");
            }
        }
    }
}
