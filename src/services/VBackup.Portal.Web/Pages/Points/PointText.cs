using System.Globalization;
using VBackup.Contracts.Messages;
using VBackup.Portal.Points;
using VBackup.Portal.Web.Parts;

namespace VBackup.Portal.Web.Pages.Points;

/// <summary>What a point tells of its instant and its server, in words.</summary>
static class PointText
{
    public static string Instant(PointView point) => point.InstantKind switch
    {
        null => "Not known",
        "single" => "Of one volume",
        "group" => "All volumes at once",
        "frozen" => $"One volume after another{Apart(point.SkewSeconds)}",
        var other => other,
    };

    /// <summary>Null where nobody knows.</summary>
    public static string? Server(PointConfiguration? had)
    {
        List<string> parts = [];
        if (had?.Processors is { } processors) parts.Add(Words.Number(processors, "processor"));
        if (had?.MemoryBytes is { } memory) parts.Add($"{Words.Bytes(memory)} of memory");
        return parts.Count == 0 ? null : string.Join(", ", parts);
    }

    /// <summary>What the storage called a volume; a dash where nobody knows.</summary>
    public static string MadeOf(PointView point, string volume) =>
        point.Configuration?.Disks.FirstOrDefault(disk => disk.Name == volume)?.Volume ?? "–";

    // A bound is never rounded down.
    static string Apart(double? seconds) => seconds is not { } known ? ""
        : $", at most {Math.Ceiling(known * 1000).ToString("0", CultureInfo.InvariantCulture)} ms apart";
}
