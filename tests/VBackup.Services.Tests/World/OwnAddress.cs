using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Xunit;

namespace VBackup.Services.Tests.World;

/// <summary>An address that this machine has in a network.</summary>
static class OwnAddress
{
    /// <summary>A test on a machine without one is skipped.</summary>
    public static IPAddress OrSkip()
    {
        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(one => one.GetIPProperties().UnicastAddresses)
            .Select(one => one.Address)
            .FirstOrDefault(one => !IPAddress.IsLoopback(one) && one.AddressFamily == AddressFamily.InterNetwork);
        Assert.SkipWhen(own is null, "needs a machine in a network");
        return own!;
    }
}
