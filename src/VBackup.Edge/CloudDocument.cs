using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Libvirt;
using VBackup.Edge.Running;

namespace VBackup.Edge;

/// <summary>What names a cloud. Members that are not known are refused: a typing error must not pass for a default.</summary>
/// <param name="Kind"><c>lab</c>, <c>libvirt</c>, or <c>libvirt+ceph</c>.</param>
/// <param name="Folder">Of the lab cloud.</param>
/// <param name="HoldLimitSeconds">For how long a guest may be held for a snapshot.</param>
public sealed record CloudDocument(
    string Kind, string? Folder = null, LibvirtDocument? Libvirt = null, CephDocument? Ceph = null, double HoldLimitSeconds = 5)
{
    static readonly JsonDocumentOptions s_reading = new() { CommentHandling = JsonCommentHandling.Skip };

    /// <param name="json">What is written in <paramref name="source"/>.</param>
    /// <exception cref="RefusedException">It makes no sense: the message says which member.</exception>
    public static async Task<CloudDocument> ReadAsync(Stream json, string source, CancellationToken cancellation)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(json, s_reading, cancellation).ConfigureAwait(false);
            if (CloudMembers.FindFault(document.RootElement) is { } fault) throw Wrong(source, fault);
            return document.RootElement.Deserialize(CloudJson.Default.CloudDocument)!;
        }
        catch (JsonException wrong)
        {
            throw Wrong(source, $"it is no JSON: {wrong.Message}");
        }
    }

    /// <param name="source">Where the document is from, for messages.</param>
    /// <param name="report">Told when the storage does not answer; null where nobody listens.</param>
    /// <exception cref="RefusedException">It says nothing that makes a cloud.</exception>
    public EdgeCloud Open(string source, IRunReport? report)
    {
        if (HoldLimitSeconds is not (>= 1 and <= 60)) throw Wrong(source, "holdLimitSeconds must be from 1 to 60");
        if (Ceph is { OperationTimeoutSeconds: not (>= 1 and <= 600) })
            throw Wrong(source, "operationTimeoutSeconds must be from 1 to 600");
        if (Ceph is { ConnectTimeoutSeconds: not (>= 1 and <= 600) }) throw Wrong(source, "connectTimeoutSeconds must be from 1 to 600");
        if (Ceph?.Pools is { Count: 0 }) throw Wrong(source, "its pools are none: leave them out for all that the Ceph user may use");
        // libvirt takes none for the hypervisor that it finds first, or that a variable names.
        if (Libvirt is { } address && string.IsNullOrWhiteSpace(address.Uri))
            throw Wrong(source, "libvirt.uri is empty: it is to be libvirt's address, such as qemu:///system");
        var limit = TimeSpan.FromSeconds(HoldLimitSeconds);
        switch (this)
        {
            case { Kind: "lab", Folder: { Length: > 0 } folder }:
                // Whoever mistypes it would be shown an empty cloud.
                return Directory.Exists(folder) ? EdgeCloud.Of(LabCloud.Open(folder), limit)
                    : throw Wrong(source, $"there is no folder {folder}");
            case { Kind: "lab" }:
                throw Wrong(source, "a lab cloud needs its folder");
            case { Kind: "libvirt", Libvirt: { VolumeFolder: { Length: > 0 } volumes } libvirt, Ceph: null }:
                return EdgeCloud.Of(new LibvirtSettings(libvirt.Uri), volumes, limit);
            case { Kind: "libvirt" }:
                throw Wrong(source, "it needs libvirt with a volumeFolder, and no ceph");
            case { Kind: "libvirt+ceph", Libvirt: { } libvirt, Ceph: { } ceph }:
                return EdgeCloud.Of(new LibvirtSettings(libvirt.Uri) { Ceph = AccessOf(libvirt) }, ceph, limit, report);
            case { Kind: "libvirt+ceph" }:
                throw Wrong(source, "it needs libvirt and ceph");
            default:
                throw Wrong(source, $"its kind is '{Kind}'; there are lab, libvirt and libvirt+ceph");
        }
    }

    public static RefusedException Wrong(string source, string reason) => new($"{source} names no cloud: {reason}");

    static CephAccess? AccessOf(LibvirtDocument libvirt) =>
        libvirt.CephUser is null && libvirt.CephConfigurationFile is null && libvirt.CephMonitors is null
            ? null : new(libvirt.CephConfigurationFile, libvirt.CephUser, libvirt.CephSecretId, libvirt.CephMonitors ?? []);
}

/// <param name="Uri">libvirt's address of the hypervisor.</param>
/// <param name="CephUser">The Ceph user of new servers, whose key is in the libvirt secret <paramref name="CephSecretId"/>.</param>
/// <param name="CephConfigurationFile">For QEMU, on the hypervisor.</param>
/// <param name="VolumeFolder">Where new volumes are made that are files.</param>
public sealed record LibvirtDocument(
    string Uri, string? CephUser = null, string? CephSecretId = null, string? CephConfigurationFile = null,
    IReadOnlyList<string>? CephMonitors = null, string? VolumeFolder = null);

/// <param name="OperationTimeoutSeconds">The longest time for one operation of a disk or monitor.</param>
/// <param name="Pools">Those whose volumes may be used, the first for new ones; null for all that the user may use.</param>
/// <param name="ConnectTimeoutSeconds">The longest time in which the monitors may not answer at first.</param>
public sealed record CephDocument(string ConfigurationFile, string User, string? KeyringFile = null, double OperationTimeoutSeconds = 60,
    double ConnectTimeoutSeconds = 10, IReadOnlyList<string>? Pools = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(CloudDocument))]
public sealed partial class CloudJson : JsonSerializerContext;
