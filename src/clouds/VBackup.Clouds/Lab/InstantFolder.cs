using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>What the folder of an instant says of itself.</summary>
/// <param name="Sequence">Higher than that of every instant before it: clocks may go back.</param>
/// <param name="Identity">No other instant's, ever. Null in those of earlier versions.</param>
internal sealed record InstantDocument(long Sequence, DateTimeOffset TakenAt, IReadOnlyList<string> Volumes, string? Identity = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(InstantDocument))]
internal sealed partial class InstantJson : JsonSerializerContext;

/// <summary>An instant on disk: complete once its document has its final name.</summary>
internal sealed record InstantFolder(string Path, string Name, InstantDocument Document, bool IsComplete)
{
    private const string Complete = "instant.json";
    private const string Incomplete = "taking.json";

    public IEnumerable<VolumeId> Volumes => Document.Volumes.Select(volume => new VolumeId(volume));

    public string PathOf(VolumeId volume) => System.IO.Path.Combine(Path, volume.Value + ".raw");

    public Instant ToInstant() => new(
        Name, Document.Volumes.Count == 1 ? InstantKind.OneVolume : InstantKind.Group, Document.TakenAt, [.. Volumes], IsComplete);

    /// <returns>Null when there is no such instant.</returns>
    public static InstantFolder? Find(LabFolder folder, string name)
    {
        if (!InstantName.IsValid(name)) return null;
        var path = folder.InstantFolder(name);
        // The first once more: it may get that name while it is looked for.
        foreach (var file in (ReadOnlySpan<string>)[Complete, Incomplete, Complete])
        {
            try
            {
                var document = JsonSerializer.Deserialize(
                    File.ReadAllBytes(System.IO.Path.Combine(path, file)), InstantJson.Default.InstantDocument);
                if (document is not null) return new(path, name, document, file == Complete);
            }
            catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
            {
                // The other name is tried, and a folder without either holds nothing.
                continue;
            }
            catch (JsonException damaged)
            {
                throw new CloudException(
                    CloudFailure.Other, "read", name, $"{file} is no instant: {damaged.Message}", damaged);
            }
        }
        return null;
    }

    /// <summary>The instants that have any of the volumes, oldest first.</summary>
    public static List<InstantFolder> ListOf(LabFolder folder, IReadOnlyList<VolumeId> volumes)
    {
        var wanted = volumes.ToHashSet();
        List<InstantFolder> found = [.. All(folder).Where(instant => instant.Volumes.Any(wanted.Contains))];
        found.Sort((left, right) => left.Document.Sequence.CompareTo(right.Document.Sequence));
        return found;
    }

    /// <summary>Begins an instant, incomplete.</summary>
    public static InstantFolder Begin(LabFolder folder, string name, IEnumerable<VolumeId> volumes)
    {
        var sequence = All(folder).Select(instant => instant.Document.Sequence).DefaultIfEmpty().Max() + 1;
        var document = new InstantDocument(sequence, folder.Clock.GetUtcNow(), [.. volumes.Select(volume => volume.Value)],
            RandomNumberGenerator.GetHexString(32, lowercase: true));
        var path = folder.InstantFolder(name);
        Directory.CreateDirectory(path);
        var instant = new InstantFolder(path, name, document, IsComplete: false);
        instant.WriteIncomplete();
        FileIdentity.SyncFolderOf(path);
        return instant;
    }

    /// <summary>From now on it counts. REQUIRES: its volumes are durable.</summary>
    public InstantFolder Finish()
    {
        var path = System.IO.Path.Combine(Path, Complete);
        File.Move(System.IO.Path.Combine(Path, Incomplete), path, overwrite: true);
        FileIdentity.SyncFolderOf(path);
        return this with { IsComplete = true };
    }

    /// <summary>Removes some of its volumes, and all of it with the last. What is left is incomplete.</summary>
    public void Remove(IReadOnlyList<VolumeId> volumes)
    {
        if (IsComplete)
        {
            File.Move(System.IO.Path.Combine(Path, Complete), System.IO.Path.Combine(Path, Incomplete), overwrite: true);
            FileIdentity.SyncFolderOf(System.IO.Path.Combine(Path, Incomplete));
        }
        foreach (var volume in Volumes.Where(volumes.Contains)) File.Delete(PathOf(volume));
        List<string> left = [.. Document.Volumes.Where(volume => !volumes.Contains(new(volume)))];
        if (left.Count == 0) Directory.Delete(Path, recursive: true);
        else (this with { Document = Document with { Volumes = left } }).WriteIncomplete();
    }

    private void WriteIncomplete() => WholeFile.Write(
        System.IO.Path.Combine(Path, Incomplete), JsonSerializer.SerializeToUtf8Bytes(Document, InstantJson.Default.InstantDocument));

    private static IEnumerable<InstantFolder> All(LabFolder folder) => new DirectoryInfo(folder.Instants).EnumerateDirectories()
        .Select(entry => Find(folder, entry.Name)).OfType<InstantFolder>();
}
