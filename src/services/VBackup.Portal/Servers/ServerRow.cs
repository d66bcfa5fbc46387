using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Servers;

/// <summary>A server as its region saw it last.</summary>
public sealed class ServerRow
{
    ServerRow() { }

    public ServerRow(string region, string serverId, ProjectId project) => (Region, ServerId, Project) = (region, serverId, project);

    public string Region { get; private set; } = "";

    /// <summary>What its hypervisor calls it for ever.</summary>
    public string ServerId { get; private set; } = "";

    /// <summary>Whose it is. A server that is seen for the first time is the region's project's.</summary>
    public ProjectId Project { get; private set; }
    public string Name { get; private set; } = "";
    public string State { get; private set; } = "";
    public IReadOnlyList<DiskView> Disks { get; private set; } = [];

    /// <summary>Long before all times, of one that was never seen: it came back with a system that was lost, or was made just
    /// now.</summary>
    public DateTimeOffset SeenAt { get; private set; }

    /// <summary>It was not in its region's last report.</summary>
    public bool IsGone { get; private set; }

    public bool WasEverSeen => SeenAt != default;

    public ServerRef Ref => new(Region, ServerId);

    /// <summary>One of a system that was lost, or that a restore has just made: the region's next report tells whether it is
    /// there.</summary>
    public static ServerRow Expected(ServerRef server, string name, ProjectId project) =>
        new(server.Region, server.Id, project) { Name = name, State = "other" };

    public void WasSeen(ServerView view, DateTimeOffset at) =>
        (Name, State, Disks, SeenAt, IsGone) = (view.Name, view.State, view.Disks, at, false);

    public void HasGone() => IsGone = true;

    /// <summary>REQUIRES: nobody has a plan for it, or something going on with it.</summary>
    public void IsGivenTo(ProjectId project) => Project = project;
}

/// <summary>What is known of a region.</summary>
public sealed class RegionRow
{
    RegionRow() { }

    public RegionRow(string name, ProjectId project) => (Name, Project) = (name, project);

    public string Name { get; private set; } = "";

    /// <summary>Whose servers of this region are that nobody has given to another project.</summary>
    public ProjectId Project { get; private set; }

    /// <summary>Of the newest report: older ones that come late change nothing.</summary>
    public long InventoryVersion { get; private set; }
    public DateTimeOffset? ReportedAt { get; private set; }

    /// <summary>Of the newest survey of its snapshots.</summary>
    public long SurveyVersion { get; private set; }

    public void WasSurveyed(long version) => SurveyVersion = version;

    public void HasReported(long version, DateTimeOffset at) => (InventoryVersion, ReportedAt) = (version, at);
}
