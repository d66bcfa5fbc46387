using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Libvirt;

namespace VBackup.Cli.Edge;

/// <summary>A file that names a cloud. Members that it does not know are refused: a typing error must not pass for a default.</summary>
/// <param name="Kind"><c>lab</c>, <c>libvirt</c>, or <c>libvirt+ceph</c>.</param>
/// <param name="Folder">Of the lab cloud.</param>
/// <param name="HoldLimitSeconds">For how long a guest may be held for a snapshot.</param>
sealed record CloudDocument(
    string Kind, string? Folder = null, LibvirtDocument? Libvirt = null, CephDocument? Ceph = null, double HoldLimitSeconds = 5);

/// <param name="Uri">libvirt's address of the hypervisor.</param>
/// <param name="CephUser">The Ceph user of new servers, whose key is in the libvirt secret <paramref name="CephSecretId"/>.</param>
/// <param name="CephConfigurationFile">For QEMU, on the hypervisor.</param>
/// <param name="VolumeFolder">Where new volumes are made that are files.</param>
sealed record LibvirtDocument(
    string Uri, string? CephUser = null, string? CephSecretId = null, string? CephConfigurationFile = null,
    IReadOnlyList<string>? CephMonitors = null, string? VolumeFolder = null);

/// <param name="OperationTimeoutSeconds">The longest time for one operation of a disk or monitor.</param>
sealed record CephDocument(string ConfigurationFile, string User, string? KeyringFile = null, double OperationTimeoutSeconds = 15);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(CloudDocument))]
sealed partial class CloudJson : JsonSerializerContext;

/// <summary>Opens the cloud that a configuration file names.</summary>
static class CloudConfig
{
    const int FileSizeMax = 64 * 1024;

    static readonly Option<string> s_file = new("--cloud")
    { HelpName = "CONFIG", Required = true, Description = "A JSON file that names the cloud: where servers and volumes are." };

    static readonly Option<string> s_fileIfAny = new("--cloud") { HelpName = "CONFIG", Description = s_file.Description };

    public static void AddOption(Command command) => command.Add(s_file);

    /// <summary>For commands that can do without a cloud.</summary>
    public static void AddOptionIfAny(Command command) => command.Add(s_fileIfAny);

    public static string Read(ParseResult parsed) => parsed.GetRequiredValue(s_file);

    public static string? ReadIfAny(ParseResult parsed) => parsed.GetValue(s_fileIfAny);

    /// <exception cref="RefusedException">The file says nothing that makes a cloud.</exception>
    public static async Task<EdgeCloud> OpenAsync(string path, CancellationToken cancellation)
    {
        var document = await ReadAsync(path, cancellation).ConfigureAwait(false);
        if (document.HoldLimitSeconds is not (>= 1 and <= 60)) throw Wrong(path, "holdLimitSeconds must be from 1 to 60");
        // A call of several operations is given up after 45 s.
        if (document.Ceph is { OperationTimeoutSeconds: not (>= 1 and <= 40) }) throw Wrong(path, "operationTimeoutSeconds must be from 1 to 40");
        var limit = TimeSpan.FromSeconds(document.HoldLimitSeconds);
        switch (document)
        {
            case { Kind: "lab", Folder: { Length: > 0 } folder }:
                return EdgeCloud.Of(LabCloud.Open(folder), limit);
            case { Kind: "lab" }:
                throw Wrong(path, "a lab cloud needs its folder");
            case { Kind: "libvirt", Libvirt: { VolumeFolder: { Length: > 0 } volumes } libvirt, Ceph: null }:
                return EdgeCloud.Of(new LibvirtSettings(libvirt.Uri), volumes, limit);
            case { Kind: "libvirt" }:
                throw Wrong(path, "it needs libvirt with a volumeFolder, and no ceph");
            case { Kind: "libvirt+ceph", Libvirt: { } libvirt, Ceph: { } ceph }:
                return EdgeCloud.Of(new LibvirtSettings(libvirt.Uri) { Ceph = AccessOf(libvirt) }, ceph, limit);
            case { Kind: "libvirt+ceph" }:
                throw Wrong(path, "it needs libvirt and ceph");
            default:
                throw Wrong(path, $"its kind is '{document.Kind}'; there are lab, libvirt and libvirt+ceph");
        }
    }

    static CephAccess? AccessOf(LibvirtDocument libvirt) =>
        libvirt.CephUser is null && libvirt.CephConfigurationFile is null && libvirt.CephMonitors is null
            ? null : new(libvirt.CephConfigurationFile, libvirt.CephUser, libvirt.CephSecretId, libvirt.CephMonitors ?? []);

    static async Task<CloudDocument> ReadAsync(string path, CancellationToken cancellation)
    {
        var file = await InputFile.OpenAsync(
            path, "the cloud's configuration", FileSizeMax, "a cloud's configuration is short", cancellation).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
        {
            try
            {
                return await JsonSerializer.DeserializeAsync(file, CloudJson.Default.CloudDocument, cancellation).ConfigureAwait(false)
                    ?? throw Wrong(path, "it is null");
            }
            catch (JsonException wrong)
            {
                throw Wrong(path, wrong.Message);
            }
        }
    }

    static RefusedException Wrong(string path, string reason) => new($"{path} names no cloud: {reason}");
}
