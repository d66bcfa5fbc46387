using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Snapshots;

/// <summary>This system, as the storage knows it: what it calls snapshots has the mark, so that another system's are never taken for
/// ours.</summary>
public sealed class Installation
{
    /// <summary>Of 8 lower-case hex digits.</summary>
    const int MarkLength = 8;
    const int TheOnly = 1;

    Installation() { }

    public int Id { get; private set; } = TheOnly;
    public string Mark { get; private set; } = "";

    /// <summary>When what the storage has was compared last with what is known.</summary>
    public DateTimeOffset? SurveyedAt { get; private set; }

    /// <summary>Of the last survey's report.</summary>
    public long SurveyVersion { get; private set; }

    public static async Task<Installation> OfAsync(Change<SnapshotsDb> change, CancellationToken cancellation)
    {
        if (await change.Db.Installations.FindAsync([TheOnly], cancellation).ConfigureAwait(false) is { } known) return known;
        var made = new Installation { Mark = RandomNumberGenerator.GetHexString(MarkLength, lowercase: true) };
        change.Db.Installations.Add(made);
        return made;
    }

    /// <summary>What the storage is to call a snapshot. People's names are theirs alone, and two projects may choose the same
    /// one.</summary>
    public string NameFor(SnapshotPurpose purpose, SnapshotId id) => $"{PrefixOf(purpose)}-{Mark}-{id.Value:N}";

    /// <summary>Whether this system, and no other, gave this name.</summary>
    public bool Named(string instant) => Enum.GetValues<SnapshotPurpose>().Any(purpose =>
        instant.StartsWith($"{PrefixOf(purpose)}-{Mark}-", StringComparison.Ordinal)
        && Guid.TryParseExact(instant.AsSpan(PrefixOf(purpose).Length + MarkLength + 2), "N", out _));

    public void IsToBeSurveyed() => SurveyedAt = null;

    public void WasSurveyed(DateTimeOffset now)
    {
        SurveyedAt = now;
        // The clock alone would not do: it may be set back.
        SurveyVersion = Math.Max(SurveyVersion + 1, now.UtcTicks);
    }

    static string PrefixOf(SnapshotPurpose purpose) => purpose switch
    {
        SnapshotPurpose.Backup => "vb",
        SnapshotPurpose.Safety => "safety",
        SnapshotPurpose.Manual => "hand",
        _ => throw new InvalidOperationException($"Nobody says how snapshots for {purpose} are called."),
    };
}
