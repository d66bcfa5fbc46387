namespace VBackup.Clouds.Libvirt;

/// <summary>How a hypervisor is reached, and how long it may take.</summary>
/// <param name="Uri">libvirt's address of it, such as <c>qemu:///system</c>.</param>
public sealed record LibvirtSettings(string Uri)
{
    /// <summary>Longest that one call to libvirt may take; calls to the agent have <see cref="AgentLimit"/>.</summary>
    public TimeSpan CallLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest that starting or ending a server may take, which opens its volumes or writes out what QEMU
    /// still holds.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>Longest that a guest's agent may take to answer. Whole seconds, at least one: libvirt knows no shorter
    /// time. It should be below the time for which a guest may be held (<see cref="Freezing.FreezeGuard"/>).</summary>
    public TimeSpan AgentLimit { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How new servers reach their volumes on Ceph; null: as the saved configuration says.</summary>
    public CephAccess? Ceph { get; init; }
}

/// <summary>How QEMU reaches volumes on Ceph.</summary>
/// <param name="ConfigurationFile">Path of a <c>ceph.conf</c> on the hypervisor; null: QEMU's own default.</param>
/// <param name="User">The Ceph user without <c>client.</c>; null: no authentication is configured.</param>
/// <param name="SecretId">The UUID of the libvirt secret that holds the user's key. Required when there is a
/// user.</param>
/// <param name="Monitors">Addresses of the monitors, as <c>host:port</c>; empty: the configuration file tells.</param>
public sealed record CephAccess(string? ConfigurationFile, string? User, string? SecretId, IReadOnlyList<string> Monitors);
