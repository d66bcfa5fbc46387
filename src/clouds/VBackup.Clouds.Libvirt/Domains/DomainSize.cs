using System.Globalization;
using System.Xml.Linq;
using VBackup.Clouds.Servers;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Reads what a domain has of its host: see libvirt's "CPU Allocation" and "Memory Allocation" at
/// https://libvirt.org/formatdomain.html.</summary>
internal static class DomainSize
{
    /// <summary>What makes no sense is not known: nobody is refused a backup for it.</summary>
    public static ServerSize Of(XElement domain) => new(ProcessorsOf(domain), MemoryBytesOf(domain));

    // Of those that it may have at most, some may be unplugged.
    private static int? ProcessorsOf(XElement domain) => domain.Element("vcpu") is { } processors
        && int.TryParse((string?)processors.Attribute("current") ?? processors.Value.Trim(), NumberStyles.None,
            CultureInfo.InvariantCulture, out var count) ? count : null;

    private static long? MemoryBytesOf(XElement domain)
    {
        if (domain.Element("memory") is not { } memory
            || !long.TryParse(memory.Value.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var amount)
            || UnitBytes((string?)memory.Attribute("unit")) is not { } unit) return null;
        return amount <= long.MaxValue / unit ? amount * unit : null;
    }

    private static long? UnitBytes(string? unit) => unit switch
    {
        "b" or "bytes" => 1,
        "KB" => 1000,
        null or "k" or "KiB" => 1L << 10,
        "MB" => 1000 * 1000,
        "M" or "MiB" => 1L << 20,
        "GB" => 1000 * 1000 * 1000,
        "G" or "GiB" => 1L << 30,
        "TB" => 1000L * 1000 * 1000 * 1000,
        "T" or "TiB" => 1L << 40,
        _ => null,
    };
}
