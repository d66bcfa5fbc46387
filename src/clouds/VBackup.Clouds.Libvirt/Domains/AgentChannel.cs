using System.Xml.Linq;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>The line between QEMU and the guest's agent.</summary>
internal static class AgentChannel
{
    private const string Name = "org.qemu.guest_agent.0";

    /// <summary>Whether an agent has opened its end. One that hangs has, too.</summary>
    public static bool IsConnected(XElement runningDomain) =>
        runningDomain.Elements("devices").Elements("channel").Elements("target")
            .Any(target => (string?)target.Attribute("name") == Name && (string?)target.Attribute("state") == "connected");
}
