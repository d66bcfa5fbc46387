namespace VBackup.Clouds.Ceph;

/// <summary>How a cluster is reached, and how long it may take to answer.</summary>
public sealed record CephSettings
{
    /// <summary>Ceph's configuration file, which says where the monitors are.</summary>
    public required string ConfigurationFile { get; init; }

    /// <summary>The Ceph user, without <c>client.</c>; <c>profile rbd</c> for mon, osd and mgr is all that it needs.</summary>
    public string User { get; init; } = "admin";

    /// <summary>The file with the user's key; null: where the configuration says.</summary>
    public string? KeyringFile { get; init; }

    /// <summary>The pools whose volumes may be used; null for all that the user may use.</summary>
    public IReadOnlyList<string>? Pools { get; init; }

    public string ClusterName { get; init; } = "ceph";

    /// <summary>The longest time for one operation of a disk or monitor. Whole seconds, at least one. A disk that hangs is given up by
    /// Ceph after <c>osd_heartbeat_grace</c> (20 s), and another one answers some seconds later: whoever waits longer goes on.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The longest time in which a call of several operations may stand still. Longer than the other one.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(75);

    /// <summary>The longest time in which the monitors of a cluster that was not reached yet may give no answer. Whole seconds, at least
    /// one.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Told in one line which call waits and for whom, when the cluster stands still. Called on any thread.</summary>
    public Action<string>? OnWaiting { get; init; }

    /// <summary>After how long without an answer that is said.</summary>
    public TimeSpan WaitingAfter { get; init; } = TimeSpan.FromSeconds(5);
}
