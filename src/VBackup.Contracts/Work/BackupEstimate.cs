using System.Text.Json.Serialization;
using VBackup.Contracts.Messages;

namespace VBackup.Contracts.Work;

/// <summary>What an estimate is made of. Names are on the wire.</summary>
[JsonConverter(typeof(EnumNameConverter<EstimateBasis>))]
public enum EstimateBasis
{
    /// <summary>Nothing is known: neither how much there is, nor what was stored before.</summary>
    [JsonStringEnumMemberName("nothing")] Nothing = 0,
    /// <summary>What the storage says is allocated, as if nothing of it would shrink.</summary>
    [JsonStringEnumMemberName("allocated")] Allocated = 1,
    /// <summary>The first incremental is taken for a tenth of a full.</summary>
    [JsonStringEnumMemberName("tenthOfFull")] TenthOfFull = 2,
    /// <summary>The newest points that were made in the same way.</summary>
    [JsonStringEnumMemberName("history")] History = 3,
}

/// <summary>A point that is known.</summary>
public sealed record EarlierPoint(PointKind Kind, IReadOnlyList<VolumePointView> Volumes);

/// <summary>
/// What a backup will read and store, before it begins: the one formula of what users are shown and of what is reserved of a quota.
/// </summary>
/// <param name="StoredBytes">New in the vault, as far as one can tell.</param>
/// <param name="ReservedBytes">For which a quota has to have room: half as much again where history speaks, since no two backups are
/// alike.</param>
public sealed record BackupEstimate(long ReadBytes, long StoredBytes, long ReservedBytes, EstimateBasis Basis)
{
    /// <summary>How many of the newest points of a kind are looked at.</summary>
    public const int PointsMax = 3;

    const int FirstIncrementalPart = 10;

    /// <param name="kind">As it is asked for; where there is no earlier point, a full is made.</param>
    /// <param name="disks">Those that are included, as their region saw them last; null when that is not known.</param>
    /// <param name="earlier">Of the server, at the location: the newest <see cref="PointsMax"/> of each kind at least.</param>
    public static BackupEstimate Of(PointKind kind, IReadOnlyList<DiskView>? disks, IReadOnlyList<EarlierPoint> earlier)
    {
        var full = Full(disks, ReadAndStored(earlier.Where(point => point.Kind == PointKind.Full), disks));
        if (kind == PointKind.Full || earlier.Count == 0) return full;
        // How much changes is not in what there is, but in what changed before.
        var incrementals = ReadAndStored(earlier.Where(point => point.Kind == PointKind.Incremental), disks);
        if (incrementals.Count > 0) return OfHistory(incrementals.Max(one => one.Read), incrementals);
        var stored = full.StoredBytes / FirstIncrementalPart;
        return new(full.ReadBytes / FirstIncrementalPart, stored, stored, EstimateBasis.TenthOfFull);
    }

    static BackupEstimate Full(IReadOnlyList<DiskView>? disks, List<(long Read, long Stored)> earlier)
    {
        long? there = disks is null || disks.Any(disk => SizeOf(disk) is null) ? null : disks.Sum(disk => SizeOf(disk)!.Value);
        if (earlier.Count > 0) return OfHistory(there ?? earlier.Max(one => one.Read), earlier);
        return there is { } bytes ? new(bytes, bytes, bytes, EstimateBasis.Allocated) : new(0, 0, 0, EstimateBasis.Nothing);
    }

    /// <summary>By the worst ratio of what was stored to what was read.</summary>
    static BackupEstimate OfHistory(long read, List<(long Read, long Stored)> earlier)
    {
        // Where nothing was read, as nothing had changed, there is no ratio, and what was stored is what it takes to say so.
        var ratio = earlier.Where(one => one.Read > 0).Select(one => one.Stored / (double)one.Read).DefaultIfEmpty(0).Max();
        var stored = Math.Max((long)Math.Ceiling(read * ratio),
            earlier.Where(one => one.Read == 0).Select(one => one.Stored).DefaultIfEmpty(0).Max());
        return new(read, stored, stored + stored / 2, EstimateBasis.History);
    }

    static List<(long Read, long Stored)> ReadAndStored(IEnumerable<EarlierPoint> points, IReadOnlyList<DiskView>? disks)
    {
        var names = disks?.Select(disk => disk.Name).ToHashSet();
        return [.. points.Take(PointsMax).Select(point => point.Volumes.Where(volume => names is null || names.Contains(volume.Name)))
            .Where(volumes => volumes.Any())
            .Select(volumes => (volumes.Sum(volume => volume.ReadBytes), volumes.Sum(volume => volume.StoredBytes)))];
    }

    static long? SizeOf(DiskView disk) => disk.AllocatedBytes ?? disk.LengthBytes;
}
