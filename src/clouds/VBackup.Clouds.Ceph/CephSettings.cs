namespace VBackup.Clouds.Ceph;

/// <summary>How a cluster is reached, and how long it may take to answer.</summary>
public sealed record CephSettings
{
    /// <summary>Ceph's configuration file, which says where the monitors are.</summary>
    public required string ConfigurationFile { get; init; }

    /// <summary>The Ceph user, without <c>client.</c>; <c>profile rbd pool=…</c> for mon and osd is all that it needs.</summary>
    public string User { get; init; } = "admin";

    /// <summary>The file with the user's key; null: where the configuration says.</summary>
    public string? KeyringFile { get; init; }

    public string ClusterName { get; init; } = "ceph";

    /// <summary>The longest time for one operation of a disk or monitor. Whole seconds, at least one.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest time in which a call of several operations may stand still. Longer than the other one.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(45);
}
