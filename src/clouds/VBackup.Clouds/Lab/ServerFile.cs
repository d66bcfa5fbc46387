using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>A server as its file declares it. The file's name is the server's.</summary>
/// <param name="Id">Stays when the file is renamed. One that a person wrote without it goes by its name.</param>
/// <param name="LeftOut">Disks whose bytes are nowhere in the lab cloud, for trying out what becomes of such.</param>
/// <param name="Processors">No guest of the lab cloud has any: they are kept, and told of.</param>
internal sealed record ServerDocument(
    string? Id = null, ServerState State = ServerState.Shutdown, IReadOnlyList<ServerDiskDocument>? Disks = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<LeftOutDiskDocument>? LeftOut = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Processors = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? MemoryBytes = null);

internal sealed record ServerDiskDocument(string Name, string Volume);

internal sealed record LeftOutDiskDocument(string Name, string Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    UseStringEnumConverter = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ServerDocument))]
internal sealed partial class ServerJson : JsonSerializerContext;

/// <summary>Reads and writes the files that declare servers.</summary>
internal static class ServerFile
{
    private const string Ending = ".json";

    /// <summary>All servers, ordered by name.</summary>
    public static List<Server> ReadAll(LabFolder folder) =>
        [.. new DirectoryInfo(folder.Servers).EnumerateFiles("*" + Ending)
            .Select(file => Path.GetFileNameWithoutExtension(file.Name))
            .Order(StringComparer.Ordinal)
            .Select(name => Find(folder, name)).OfType<Server>()];

    /// <returns>Null when there is no such server.</returns>
    public static Server? Find(LabFolder folder, string name)
    {
        if (!LabFolder.IsName(name)) return null;
        try
        {
            return Parse(name, File.ReadAllBytes(folder.ServerPath(name)));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <exception cref="CloudException">There is no such server.</exception>
    public static Server Require(LabFolder folder, string name, string operation) => Find(folder, name)
        ?? throw new CloudException(CloudFailure.NotFound, operation, name, "there is no such server");

    public static void Write(LabFolder folder, Server server) =>
        WholeFile.Write(folder.ServerPath(server.Name), Format(server));

    public static byte[] Format(Server server) => JsonSerializer.SerializeToUtf8Bytes(
        new ServerDocument(
            server.Id, server.State, [.. server.Disks.Select(disk => new ServerDiskDocument(disk.Name, disk.Volume.Value))],
            server.LeftOut.Count == 0 ? null : [.. server.LeftOut.Select(disk => new LeftOutDiskDocument(disk.Name, disk.Reason))],
            server.Size?.Processors, server.Size?.MemoryBytes),
        ServerJson.Default.ServerDocument);

    /// <exception cref="CloudException">The text declares no server.</exception>
    public static Server Parse(string name, ReadOnlySpan<byte> text)
    {
        try
        {
            var document = JsonSerializer.Deserialize(text, ServerJson.Default.ServerDocument)
                ?? throw new JsonException("it is null");
            return new(name, document.Id ?? name, document.State,
                [.. (document.Disks ?? []).Select(disk => new ServerDisk(disk.Name, new(disk.Volume)))])
            {
                LeftOut = [.. (document.LeftOut ?? []).Select(disk => new LeftOutDisk(disk.Name, disk.Reason))],
                Size = document is { Processors: null, MemoryBytes: null } ? null : new(document.Processors, document.MemoryBytes),
            };
        }
        catch (JsonException damaged)
        {
            throw new CloudException(
                CloudFailure.Other, "read", name, $"this declares no lab server: {damaged.Message}", damaged);
        }
    }
}
