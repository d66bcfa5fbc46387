using System.Globalization;

namespace VBackup.Edge.Running;

/// <summary>Bytes, times and shares as people read and write them.</summary>
public static class Units
{
    static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Three digits or so: <c>1.50 GiB</c>, <c>12.3 MiB</c>, <c>512 B</c>.</summary>
    public static string Size(long bytes)
    {
        double value = bytes;
        var unit = 0;
        for (; Math.Abs(value) >= 1024 && unit < s_units.Length - 1; unit++) value /= 1024;
        var format = unit == 0 || Math.Abs(value) >= 100 ? "0" : Math.Abs(value) >= 10 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {s_units[unit]}";
    }

    public static string Rate(long bytes, TimeSpan elapsed) =>
        $"{(bytes / Math.Max(elapsed.TotalSeconds, 0.001) / 1e6).ToString("0", CultureInfo.InvariantCulture)} MB/s";

    /// <summary><c>1 pack</c>, <c>2 packs</c>.</summary>
    public static string Count(long number, string thing) => $"{number} {thing}{(number == 1 ? "" : "s")}";

    public static string Percent(double share) => $"{(share * 100).ToString("0", CultureInfo.InvariantCulture)} %";

    /// <summary><c>0.42 s</c>, <c>12.3 s</c>, <c>3 min 05 s</c>, <c>2 h 10 min</c>.</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 10 => $"{time.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture)} s",
        < 60 => $"{time.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s",
        < 3600 => $"{(int)time.TotalMinutes} min {time.Seconds:00} s",
        _ => $"{(long)time.TotalHours} h {time.Minutes:00} min",
    };

    public static string Time(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads <c>1048576</c>, <c>256KiB</c>, <c>10 MiB</c>, <c>2G</c>; all units are powers of 1024.</summary>
    public static bool TryParseSize(string text, out long bytes)
    {
        bytes = 0;
        var rest = text.AsSpan().Trim();
        var digits = rest.IndexOfAnyExceptInRange('0', '9') is var end && end < 0 ? rest.Length : end;
        if (!long.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        var unit = rest[digits..].Trim().ToString();
        var power = Array.FindIndex(s_units, name => unit.Equals(name, StringComparison.OrdinalIgnoreCase)
            || unit.Length == 1 && char.ToUpperInvariant(unit[0]) == name[0]);
        if (unit.Length == 0) power = 0;
        if (power < 0 || number > long.MaxValue >> (10 * power)) return false;
        bytes = number << (10 * power);
        return true;
    }

    /// <summary>Reads <c>90</c> (seconds), <c>30s</c>, <c>15min</c>, <c>2h</c>, <c>1d</c>.</summary>
    public static bool TryParseDuration(string text, out TimeSpan time)
    {
        time = default;
        var rest = text.AsSpan().Trim();
        var digits = rest.IndexOfAnyExceptInRange('0', '9') is var end && end < 0 ? rest.Length : end;
        if (!int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        double? seconds = rest[digits..].Trim() switch
        {
            "" or "s" => 1,
            "m" or "min" => 60,
            "h" => 3600,
            "d" => 86400,
            _ => null,
        };
        if (seconds is not { } unit || number * unit > TimeSpan.FromDays(3650).TotalSeconds) return false;
        time = TimeSpan.FromSeconds(number * unit);
        return true;
    }
}
