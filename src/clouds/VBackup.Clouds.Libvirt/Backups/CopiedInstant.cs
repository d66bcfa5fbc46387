using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Clouds.Libvirt.Files;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Backups;

/// <summary>A volume in an instant that is made of copies.</summary>
/// <param name="Format">Of the volume, and so of its copy.</param>
internal sealed record CopiedVolume(string Volume, string Format);

/// <summary>What the folder of such an instant says of itself.</summary>
internal sealed record CopiedDocument(DateTimeOffset TakenAt, IReadOnlyList<CopiedVolume> Volumes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CopiedDocument))]
internal sealed partial class CopiedJson : JsonSerializerContext;

/// <summary>An instant of volumes that nobody wrote to, as copies of their files; complete once its document has its final
/// name.</summary>
internal sealed record CopiedInstant(string Path, CopiedDocument Document, bool IsComplete)
{
    private const string Complete = "instant.json", Incomplete = "taking.json";

    public string Name => System.IO.Path.GetFileName(Path);

    public IEnumerable<VolumeId> Volumes => Document.Volumes.Select(volume => new VolumeId(volume.Volume));

    public bool Has(VolumeId volume) => Volumes.Contains(volume);

    public string FormatOf(VolumeId volume) => Document.Volumes.First(one => one.Volume == volume.Value).Format;

    public string PathOf(VolumeId volume) => System.IO.Path.Combine(
        Path, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Volumes.ToList().IndexOf(volume)}.copy"));

    public Instant ToInstant() => new(
        Name, Document.Volumes.Count == 1 ? InstantKind.OneVolume : InstantKind.Group, Document.TakenAt, [.. Volumes], IsComplete);

    /// <summary>Null when there is none of that name.</summary>
    public static CopiedInstant? Find(StateFolder state, string name) =>
        InstantName.IsValid(name) ? Read(System.IO.Path.Combine(state.Copies, name)) : null;

    /// <summary>Oldest first.</summary>
    public static IReadOnlyList<CopiedInstant> ListOf(StateFolder state) =>
        [.. Directory.GetDirectories(state.Copies).Select(Read).OfType<CopiedInstant>().OrderBy(instant => instant.Document.TakenAt)];

    public static CopiedInstant Begin(StateFolder state, string name, DateTimeOffset takenAt, IEnumerable<VolumeFile> files)
    {
        var path = System.IO.Path.Combine(state.Copies, name);
        // A volume may hold anybody's secrets.
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var document = new CopiedDocument(takenAt, [.. files.Select(file => new CopiedVolume(file.Path, file.Format))]);
        File.WriteAllBytes(System.IO.Path.Combine(path, Incomplete),
            JsonSerializer.SerializeToUtf8Bytes(document, CopiedJson.Default.CopiedDocument));
        return new(path, document, IsComplete: false);
    }

    public CopiedInstant Finish()
    {
        SparseCopy.Flush(System.IO.Path.Combine(Path, Incomplete));
        File.Move(System.IO.Path.Combine(Path, Incomplete), System.IO.Path.Combine(Path, Complete));
        FileIdentity.SyncFolderOf(System.IO.Path.Combine(Path, Complete));
        FileIdentity.SyncFolderOf(Path);
        return this with { IsComplete = true };
    }

    /// <summary>Removes the copies of these volumes, and with the last of them the instant; one of a few is incomplete.</summary>
    public void Remove(IReadOnlyList<VolumeId> volumes)
    {
        if (IsComplete) File.Move(System.IO.Path.Combine(Path, Complete), System.IO.Path.Combine(Path, Incomplete));
        foreach (var volume in volumes.Where(Has)) File.Delete(PathOf(volume));
        if (!Volumes.Any(volume => File.Exists(PathOf(volume)))) Directory.Delete(Path, recursive: true);
    }

    private static CopiedInstant? Read(string path)
    {
        foreach (var file in (ReadOnlySpan<string>)[Complete, Incomplete])
        {
            try
            {
                var document = JsonSerializer.Deserialize(
                    File.ReadAllBytes(System.IO.Path.Combine(path, file)), CopiedJson.Default.CopiedDocument);
                if (document is not null) return new(path, document, file == Complete);
            }
            catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
            {
                // The other name is tried, and a folder without either holds nothing.
                continue;
            }
            catch (JsonException damaged)
            {
                throw new CloudException(CloudFailure.Other, "read", path, $"{file} is no instant: {damaged.Message}", damaged);
            }
        }
        return null;
    }
}
