using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Servers;

/// <summary>Whether a server runs.</summary>
public enum ServerState
{
    /// <summary>Shut down.</summary>
    Shutdown,
    Running,
    /// <summary>Held by the hypervisor; its memory is kept.</summary>
    Paused,
    /// <summary>Something else, such as crashed or saving its memory.</summary>
    Other,
}

/// <summary>A disk of a server.</summary>
/// <param name="Name">What the server calls it, such as <c>vda</c>; unique within the server.</param>
/// <param name="Volume">Where its bytes are.</param>
public sealed record ServerDisk(string Name, VolumeId Volume);

/// <summary>A disk of a server that cannot be backed up, because its bytes are somewhere that nobody here can read.</summary>
/// <param name="Name">As of <see cref="ServerDisk"/>.</param>
/// <param name="Reason">For people, one short phrase: what it is, and that this is not supported.</param>
public sealed record LeftOutDisk(string Name, string Reason);

/// <summary>A virtual server as its hypervisor sees it now.</summary>
/// <param name="Id">Stays the same through renaming; a UUID where the hypervisor has one.</param>
/// <param name="Disks">Those that can be backed up: no CD-ROMs, nothing empty.</param>
public sealed record Server(string Name, string Id, ServerState State, IReadOnlyList<ServerDisk> Disks)
{
    /// <summary>What else a guest keeps data on. Whoever takes <see cref="Disks"/> for all that the server has is to say so.</summary>
    public IReadOnlyList<LeftOutDisk> LeftOut { get; init; } = [];

    /// <summary>Null where its hypervisor does not tell.</summary>
    public ServerSize? Size { get; init; }
}

/// <summary>What a server has of its host.</summary>
/// <param name="Processors">Those that its guest sees.</param>
/// <param name="MemoryBytes">What it was given, not what its guest uses.</param>
public sealed record ServerSize(int? Processors, long? MemoryBytes);

/// <summary>What it takes to define a server anew; kept in the restore point.</summary>
/// <param name="Kind">Whose format it is, such as <c>libvirt-domain-xml</c> or <c>lab</c>.</param>
/// <param name="Text">The configuration itself.</param>
public sealed record ServerConfiguration(string Kind, string Text);
