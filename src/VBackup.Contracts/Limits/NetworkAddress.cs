using System.Net;
using System.Net.Sockets;

namespace VBackup.Contracts.Limits;

/// <summary>What addresses stand for, for those who look at them before they are connected to.</summary>
public static class NetworkAddress
{
    static readonly IPNetwork s_nat64 = IPNetwork.Parse("64:ff9b::/96"), s_sixToFour = IPNetwork.Parse("2002::/16");

    /// <summary>The address of IPv4 that one of IPv6 stands for.</summary>
    public static IPAddress Unwrapped(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address;
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        if (s_nat64.Contains(address)) return new(bytes.AsSpan(12, 4));
        return s_sixToFour.Contains(address) ? new(bytes.AsSpan(2, 4)) : address;
    }
}
