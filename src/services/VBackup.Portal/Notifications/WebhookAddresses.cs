using System.Net;
using System.Net.Sockets;
using VBackup.Contracts.Limits;

namespace VBackup.Portal.Notifications;

/// <summary>Where webhooks may go. Whoever runs the Portal says so.</summary>
public sealed record WebhookSettings
{
    /// <summary>Addresses of this machine, those that it has in networks too, also without TLS.</summary>
    public bool AllowLoopback { get; init; }

    /// <summary>Addresses of private networks, and other addresses that are not the public internet's.</summary>
    public bool AllowPrivateAddresses { get; init; }

    /// <summary>For a whole attempt.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>
/// Keeps tenants from having the Portal speak to what only the Portal can reach. The address is looked at when it is connected to, and
/// the very address that was looked at is connected to, whatever the name means a moment later.
/// </summary>
static class WebhookAddresses
{
    const int UrlLengthMax = 1000;

    /// <summary>What is not the public internet: IANA's registries of special addresses. IPv6 ones that hold one of IPv4 are looked at as
    /// that, before.</summary>
    static readonly IPNetwork[] s_special = [.. ((string[])
    [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
            "fec0::/10", "ff00::/8",
    ]).Select(IPNetwork.Parse)];

    /// <summary>What is wrong with a webhook's URL; null when it is good.</summary>
    public static string? FaultOf(string? text, WebhookSettings settings)
    {
        if (text is not { Length: > 0 and <= UrlLengthMax } || text.Any(char.IsControl)
            || !Uri.TryCreate(text, UriKind.Absolute, out var url))
            return $"It is an absolute URL of at most {UrlLengthMax} letters.";
        if (url.UserInfo.Length > 0) return "It has no name or password in it: what is sent is signed.";
        if (url.Fragment.Length > 0) return "It has no fragment: nobody would get it.";
        if (url.Scheme == Uri.UriSchemeHttps)
            return IsLiteralOf(url, address => !IsAllowed(address, isPlain: false, settings)) ? Forbidden : null;
        if (url.Scheme != Uri.UriSchemeHttp) return "It begins with https://.";
        var isLoopback = url.IsLoopback || IsLiteralOf(url, IPAddress.IsLoopback);
        return isLoopback && settings.AllowLoopback ? null : "It begins with https://: what is sent is nobody else's business.";
    }

    /// <summary>What people are told: not which addresses there are.</summary>
    public const string Forbidden = "Its host is at no address that webhooks may reach.";

    /// <param name="isPlain">Without TLS.</param>
    public static bool IsAllowed(IPAddress address, bool isPlain, WebhookSettings settings)
    {
        var real = NetworkAddress.Unwrapped(address);
        if (NetworkAddress.IsOwn(real)) return settings.AllowLoopback;
        if (isPlain) return false;
        return settings.AllowPrivateAddresses ? IsHost(real) : !s_special.Any(network => network.Contains(real));
    }

    // Even where private networks are allowed: who is anybody, or many, is no receiver.
    static bool IsHost(IPAddress address) => !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)
        && !address.Equals(IPAddress.Broadcast) && !address.IsIPv6Multicast && !IsIPv4Multicast(address);

    static bool IsIPv4Multicast(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is >= 224 and < 240;

    static bool IsLiteralOf(Uri url, Func<IPAddress, bool> which) => IPAddress.TryParse(url.IdnHost, out var address) && which(address);
}
