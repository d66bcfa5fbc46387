using System.Globalization;

namespace VBackup.Cli.Terminal;

/// <summary>Instants as whoever sits at this machine reads them.</summary>
static class LocalTime
{
    /// <summary>Such as <c>2026-03-29 03:00:00 +02:00</c>.</summary>
    public static string Text(DateTimeOffset instant) =>
        TimeZoneInfo.ConvertTime(instant, TimeZoneInfo.Local).ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture);

    /// <summary>As <see cref="Text(DateTimeOffset)"/>, and a dash where there is none.</summary>
    public static string TextOrDash(DateTimeOffset? instant) => instant is { } one ? Text(one) : "-";
}
