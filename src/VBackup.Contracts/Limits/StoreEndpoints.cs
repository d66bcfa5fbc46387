using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace VBackup.Contracts.Limits;

/// <summary>Which S3 services workers may speak to: they can reach what whoever names an endpoint cannot.</summary>
/// <param name="Listed">Such as <c>s3.example.org</c> or <c>10.0.0.7:7480</c>; <see cref="AnyHost"/> for all but special
/// addresses.</param>
public sealed partial record StoreEndpoints(IReadOnlyList<string> Listed)
{
    public const string Setting = "Worker:S3Endpoints", AnyHost = "*";

    const int LengthMax = 1000;

    /// <summary>This machine, its link (where clouds tell machines their secrets), and what is nobody or many.</summary>
    static readonly IPNetwork[] s_special = [.. ((string[])
    [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "100.100.100.200/32", "224.0.0.0/4", "240.0.0.0/4",
        "::/127", "fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128", "ff00::/8",
    ]).Select(IPNetwork.Parse)];

    public static bool IsEntry(string text) => text == AnyHost
        || Entry().Match(text) is { Success: true } entry && Uri.CheckHostName(entry.Groups["host"].Value) != UriHostNameType.Unknown;

    /// <summary>What is wrong with how an endpoint is written; null when nothing is. It is not repeated, as there may be a password in
    /// it.</summary>
    public static string? FormFaultOf(string endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        if (endpoint.Length > LengthMax || endpoint.Any(letter => char.IsControl(letter) || char.IsWhiteSpace(letter))
            || !Uri.TryCreate(endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            return "it is an http or https address, http[s]://host[:port]";
        if (uri.UserInfo.Length > 0 || endpoint.Contains('@', StringComparison.Ordinal))
            return "it has no user or password in it: what opens the location are its access key and its secret key";
        return uri.AbsolutePath == "/" && endpoint.IndexOfAny(['?', '#']) < 0
            ? null : "it is http[s]://host[:port], without a path, '?' or '#': bucket and prefix go into the address";
    }

    /// <inheritdoc cref="FormFaultOf"/>
    public static string? RegionFaultOf(string s3Region) =>
        RegionName().IsMatch(s3Region) ? null : "it is a region's name of letters, digits and '-', such as us-east-1";

    /// <inheritdoc cref="FormFaultOf"/>
    /// <param name="address">Which begins with <c>s3://</c>.</param>
    public static string? AddressFormFaultOf(string address) => S3Address().IsMatch(address) ? null
        : "of kind vStorage it is s3://bucket/prefix, and a bucket has 3 to 63 small letters, digits, '.' and '-'";

    /// <param name="endpoint">Null for Amazon's own of the region.</param>
    /// <returns>Why it is not spoken to; null when it is, as far as its name tells.</returns>
    public string? FaultOf(string? endpoint, string? s3Region)
    {
        if (UriOf(endpoint, s3Region) is not { } uri) return "it is an http or https address";
        if (IsListed(uri)) return null;
        var named = uri.IsDefaultPort ? uri.IdnHost : string.Create(CultureInfo.InvariantCulture, $"{uri.IdnHost}:{uri.Port}");
        if (!Listed.Contains(AnyHost)) return $"{named} is none of those that {Setting} lists";
        return uri.IsLoopback || IPAddress.TryParse(uri.IdnHost, out var address) && IsSpecial(address) ? SpecialFault(named) : null;
    }

    /// <summary>Why an address is not connected to that an endpoint's name stands for; null when none is looked at.</summary>
    public Func<IPAddress, string?>? AddressFault(string? endpoint, string? s3Region) =>
        UriOf(endpoint, s3Region) is { } uri && IsListed(uri) ? null
            : address => IsSpecial(address) ? SpecialFault("the endpoint's host") : null;

    static string SpecialFault(string host) => $"{host} is this machine or at a link-local address, which {Setting} would have to list";

    static bool IsSpecial(IPAddress address)
    {
        var real = NetworkAddress.Unwrapped(address);
        return s_special.Any(network => network.Contains(real)) || NetworkAddress.IsOwn(real);
    }

    bool IsListed(Uri uri) => Listed.Any(entry => Entry().Match(entry) is { Success: true } parts
        && parts.Groups["host"].Value.Trim('[', ']').Equals(uri.IdnHost.Trim('[', ']'), StringComparison.OrdinalIgnoreCase)
        && (!parts.Groups["port"].Success || parts.Groups["port"].Value == uri.Port.ToString(CultureInfo.InvariantCulture)));

    static Uri? UriOf(string? endpoint, string? s3Region) => Uri.TryCreate(
        string.IsNullOrEmpty(endpoint) ? $"https://s3.{s3Region ?? "us-east-1"}.amazonaws.com" : endpoint, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https" ? uri : null;

    [GeneratedRegex(@"\A(?<host>\[[0-9A-Fa-f:.]+\]|[^:/\[\]\s*]+)(:(?<port>[0-9]{1,5}))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Entry();

    [GeneratedRegex(@"\A[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex RegionName();

    [GeneratedRegex(@"\As3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\s@?#]*)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex S3Address();
}
