using System.Xml.Linq;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>
/// Makes a new server's domain from a saved one: another name, UUID and MAC addresses, other volumes, and nothing that
/// belongs to the old server or its host. What the guest sees stays where it can: machine, CPU, memory, firmware, the
/// order and addresses of its devices, and the serial numbers of its disks, by which guests find their file systems.
/// <para>The lists here say what is kept. What they do not name is dropped: devices of the old host (PCI, shared
/// folders, shared memory), settings of QEMU past libvirt, metadata of whoever managed the old server.</para>
/// </summary>
internal static class NewDomain
{
    // Pinning to the old host's processors (vcpupin, numatune …) is not among them.
    private static readonly HashSet<string> s_keptOfDomain =
    [
        "description", "memory", "currentMemory", "maxMemory", "memoryBacking", "memtune", "vcpu", "vcpus", "iothreads",
        "iothreadids", "cputune", "sysinfo", "os", "features", "cpu", "clock", "on_poweroff", "on_reboot", "on_crash",
        "on_lockfailure", "pm", "perf", "genid", "devices",
    ];

    // The emulator is not among them: libvirt knows this host's own, and a path from outside is not run.
    private static readonly HashSet<string> s_keptOfDevices =
    [
        "disk", "controller", "interface", "serial", "console", "parallel", "channel", "input", "graphics", "video", "sound",
        "audio", "rng", "memballoon", "watchdog", "tpm", "panic", "vsock", "iommu", "hub", "nvram",
    ];

    private static readonly HashSet<string> s_keptOfProcessorTuning =
        ["shares", "period", "quota", "global_period", "global_quota", "emulator_period", "emulator_quota"];

    private static readonly HashSet<string> s_addressesOfAnyHost = ["127.0.0.1", "::1"];

    /// <param name="saved">The saved domain; it is changed into the new one.</param>
    /// <param name="volumes">The new server's volume of each disk that it gets. Others are dropped; the disk that it
    /// boots from must not be.</param>
    /// <param name="ceph">How to reach volumes on Ceph; null: as the saved disks say.</param>
    /// <exception cref="CloudException">The name cannot be one, or disks and volumes do not fit together.</exception>
    public static string From(
        XElement saved, string name, Guid id, IReadOnlyDictionary<string, VolumeId> volumes, CephAccess? ceph)
    {
        CheckName(name);
        if (saved.Element("devices") is not { } devices) throw DomainXml.Refused(name, "it has no devices");

        saved.Attributes("id").Remove();
        saved.Elements().Where(element => element.Name.NamespaceName.Length > 0 || !s_keptOfDomain.Contains(element.Name.LocalName))
            .Remove();
        devices.Elements().Where(device => !s_keptOfDevices.Contains(device.Name.LocalName)).Remove();
        saved.AddFirst(new XElement("name", name), new XElement("uuid", id.ToString()));

        DetachFromHost(saved, id);
        NewDisks.Place(saved, name, volumes, ceph);
        foreach (var network in devices.Elements("interface").ToList()) DetachInterface(network);
        foreach (var line in devices.Elements().ToList()) DetachLine(line, name);
        foreach (var graphics in devices.Elements("graphics")) DetachGraphics(graphics);
        foreach (var device in devices.Elements().ToList()) DetachOther(device);
        return saved.ToString(SaveOptions.DisableFormatting);
    }

    private static void CheckName(string name)
    {
        // Files of the new server are named after it.
        if (name.Length is 0 or > 200 || name is "." or ".." || name.Any(c => c is '/' or '\\' || char.IsControl(c)))
            throw new CloudException(CloudFailure.Other, "define", name,
                "a server's name has 1 to 200 characters, no slash, no line break");
    }

    private static void DetachFromHost(XElement domain, Guid id)
    {
        domain.Elements("vcpu").Attributes("cpuset").Remove();
        domain.Elements("cputune").Elements().Where(limit => !s_keptOfProcessorTuning.Contains(limit.Name.LocalName)).Remove();
        // An empty one asks libvirt for a new one, which tells the guest that it is a copy.
        foreach (var generation in domain.Elements("genid")) generation.RemoveNodes();
        // libvirt refuses a system's UUID that is not the domain's; the serial number is the old server's.
        foreach (var entry in domain.Elements("sysinfo").Elements("system").Elements("entry").ToList())
        {
            if ((string?)entry.Attribute("name") is "uuid") entry.Value = id.ToString();
            else if ((string?)entry.Attribute("name") is "serial") entry.Remove();
        }
        // The firmware's variables are made anew from their template: the old file is the old server's.
        foreach (var variables in domain.Elements("os").Elements("nvram").ToList())
        {
            if ((string?)variables.Attribute("template") is { } template)
                variables.ReplaceWith(new XElement("nvram", new XAttribute("template", template)));
            else
                variables.Remove();
        }
    }

    private static void DetachInterface(XElement network)
    {
        // Only these are a plug in a network; the others are a piece of the old host's hardware or a process on it.
        if ((string?)network.Attribute("type") is not ("network" or "bridge" or "direct" or "user"))
        {
            network.Remove();
            return;
        }
        // libvirt gives it a new one.
        network.Elements("mac").Remove();
        network.Elements("target").Remove();
        network.Elements("backend").Remove();
        network.Elements("source").Attributes("portid").Remove();
        // The port's identity at the switch; libvirt makes a new one.
        network.Elements("virtualport").Elements("parameters").Attributes("interfaceid").Remove();
    }

    /// <summary>Serial lines, consoles and channels.</summary>
    private static void DetachLine(XElement line, string name)
    {
        if (line.Name.LocalName is not ("serial" or "console" or "parallel" or "channel")) return;
        foreach (var log in line.Elements("log").Attributes("file")) log.Value = FileOf(log.Value, name);
        switch ((string?)line.Attribute("type"))
        {
            case "pty" or "null" or "stdio" or "vc" or "spicevmc" or "qemu-vdagent" or "dbus":
                line.Elements("source").Remove();
                line.Attributes("tty").Remove();
                break;
            case "file":
                foreach (var path in line.Elements("source").Attributes("path")) path.Value = FileOf(path.Value, name);
                break;
            case "unix" when line.Name.LocalName == "channel":
                // libvirt gives it a socket of its own, as the guest agent's has.
                line.Elements("source").Remove();
                break;
            case var _ when line.Name.LocalName == "channel":
                line.Remove();
                break;
            default:
                // A socket, port or device of the old host: the guest keeps its line, which ends in a terminal here.
                line.SetAttributeValue("type", "pty");
                line.Elements("source").Remove();
                line.Elements("protocol").Remove();
                break;
        }
    }

    private static string FileOf(string path, string name) =>
        Path.Combine(Path.GetDirectoryName(path) ?? "", $"{name}-{Path.GetFileName(path)}");

    private static void DetachGraphics(XElement graphics)
    {
        string[] places = ["port", "tlsPort", "websocket", "socket", "passwd", "passwdValidTo"];
        foreach (var place in places) graphics.Attributes(place).Remove();
        if ((string?)graphics.Attribute("type") is "vnc" or "spice" or "rdp") graphics.SetAttributeValue("autoport", "yes");
        graphics.Elements("listen").Attributes("socket").Remove();
        // An address of the old host is none of this one's; and a console is not opened to a network: its password was not saved.
        foreach (var address in graphics.Attributes("listen").Concat(graphics.Elements("listen").Attributes("address")))
            if (!s_addressesOfAnyHost.Contains(address.Value)) address.Value = "127.0.0.1";
    }

    private static void DetachOther(XElement device)
    {
        switch (device.Name.LocalName)
        {
            case "input" when device.Element("source") is not null:
            case "tpm" when (string?)device.Element("backend")?.Attribute("type") != "emulator":
            case "rng" when (string?)device.Element("backend")?.Attribute("model") is not ("random" or "builtin"):
                device.Remove();
                break;
            case "vsock":
                // Each running guest of a host has another address.
                device.Elements("cid").Remove();
                device.Add(new XElement("cid", new XAttribute("auto", "yes")));
                break;
        }
    }
}
