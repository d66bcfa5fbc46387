using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>A server, wherever it is known.</summary>
/// <param name="Region">Where it is.</param>
/// <param name="Id">What its hypervisor calls it for ever.</param>
public sealed record ServerRef(string Region, string Id);

/// <summary>A disk of a server, as its region sees it.</summary>
/// <param name="Name">What the server calls it.</param>
/// <param name="Volume">What the storage calls it.</param>
/// <param name="LengthBytes">Null when it could not be found out, as of the next.</param>
/// <param name="AllocatedBytes">What a full would read, about. Also null where the storage cannot tell that cheaply, and of a snapshot's
/// volumes.</param>
public sealed record DiskView(string Name, string Volume, long? LengthBytes, long? AllocatedBytes);

/// <summary>A server, as its region sees it.</summary>
/// <param name="State"><c>running</c>, <c>shutdown</c>, <c>paused</c> or <c>other</c>.</param>
public sealed record ServerView(string Id, string Name, string State, IReadOnlyList<DiskView> Disks);

/// <summary>All servers of a region: one that is missing is gone.</summary>
/// <param name="Version">A later report has a higher one.</param>
public sealed record InventoryReported(string Region, long Version, DateTimeOffset At, IReadOnlyList<ServerView> Servers) : IMessage
{
    public static string Name => "inventory-reported";
}

/// <summary>A restore has made a server.</summary>
/// <param name="Project">Whose point it was made of.</param>
public sealed record ServerMade(RunId Run, ProjectId Project, ServerRef Server, string ServerName) : IMessage
{
    public static string Name => "server-made";
}
