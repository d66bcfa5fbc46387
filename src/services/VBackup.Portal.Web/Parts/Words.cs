using System.Globalization;
using NodaTime;

namespace VBackup.Portal.Web.Parts;

/// <summary>Numbers and times, as people read them.</summary>
static class Words
{
    static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    public static string Bytes(double bytes)
    {
        var unit = 0;
        for (; bytes >= 1024 && unit < s_units.Length - 1; unit++) bytes /= 1024;
        return bytes.ToString(unit == 0 || bytes >= 100 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + s_units[unit];
    }

    /// <summary>Such as <c>12 %</c>; of nothing, all.</summary>
    public static string Share(long part, long whole) =>
        (whole > 0 ? 100.0 * part / whole : 100).ToString("0", CultureInfo.InvariantCulture) + " %";

    /// <summary>Rounded to what matters of it.</summary>
    public static string Time(TimeSpan time) => time switch
    {
        { TotalSeconds: < 1 } => "less than a second",
        { TotalSeconds: < 60 } => Number((int)time.TotalSeconds, "second"),
        { TotalMinutes: < 60 } => $"{time.Minutes} min {time.Seconds} s",
        { TotalDays: < 1 } => $"{time.Hours} h {time.Minutes} min",
        _ => $"{Number((int)time.TotalDays, "day")} {time.Hours} h",
    };

    public static string Number(int count, string thing) => count == 1 ? $"1 {thing}" : $"{count} {thing}s";

    /// <param name="zone">Of the visitor, an IANA name. One that is not known here, or none, is UTC, and said to be.</param>
    public static string Instant(DateTimeOffset at, string? zone)
    {
        if (zone is null || DateTimeZoneProviders.Tzdb.GetZoneOrNull(zone) is not { } known) return InUtc(at);
        var local = NodaTime.Instant.FromDateTimeOffset(at).InZone(known);
        return local.ToString("d MMM uuuu, HH:mm", CultureInfo.InvariantCulture);
    }

    public static string InUtc(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
