using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace VBackup.Contracts.Limits;

/// <summary>What addresses stand for, for those who look at them before they are connected to.</summary>
public static class NetworkAddress
{
    static readonly IPNetwork s_nat64 = IPNetwork.Parse("64:ff9b::/96"), s_sixToFour = IPNetwork.Parse("2002::/16");

    /// <summary>Whether a host, as settings name it, is this machine and reached without any network: what is said to it nobody
    /// overhears.</summary>
    public static bool IsThisMachine(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address)
        && IPAddress.IsLoopback(address));

    /// <summary>Whether it is one that this machine has now, be it in a network. What listens there need not be meant for others: who
    /// connects to it from here passes by whatever keeps them away.</summary>
    public static bool IsOwn(IPAddress address)
    {
        var real = Unwrapped(address);
        return IPAddress.IsLoopback(real) || NetworkInterface.GetAllNetworkInterfaces().Any(one =>
            one.GetIPProperties().UnicastAddresses.Any(own => IsSame(own.Address, real)));
    }

    // Which link an address belongs to is not part of what it is.
    static bool IsSame(IPAddress one, IPAddress other) => one.GetAddressBytes().AsSpan().SequenceEqual(other.GetAddressBytes());

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
