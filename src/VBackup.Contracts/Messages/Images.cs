using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>How an image file holds a volume. Names are on the wire.</summary>
[JsonConverter(typeof(EnumNameConverter<ImageFormatView>))]
public enum ImageFormatView
{
    [JsonStringEnumMemberName("raw")] Raw,
    [JsonStringEnumMemberName("qcow2")] Qcow2,
}

/// <summary>Write a volume of a point to an image file, in the project's folder for images in the server's region.</summary>
/// <param name="Volume">Which of the point's volumes; null for the only one.</param>
/// <param name="File">Its name in that folder.</param>
/// <param name="Format">Null for what the name ends in.</param>
public sealed record ExportImage(
    RunId Run, ProjectId Project, RestorePointId Point, string? Volume, string File, ImageFormatView? Format) : IMessage
{
    public static string Name => "export-image";
}

/// <summary>Make a new volume of an image file of the project's folder.</summary>
/// <param name="Server">In its region, and beside its volumes.</param>
/// <param name="Beside">What the storage calls the one of them beside which the new one is made.</param>
/// <param name="Format">Null for what the name ends in.</param>
/// <param name="NewName">Of the new volume.</param>
public sealed record ImportImage(
    RunId Run, ProjectId Project, ServerRef Server, string ServerName, string Beside, string File, ImageFormatView? Format,
        string NewName) : IMessage
{
    public static string Name => "import-image";
}
