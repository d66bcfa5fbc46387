using VBackup.Contracts.Ids;

namespace VBackup.Service.Work;

/// <summary>A Backup Worker.</summary>
public sealed class Worker
{
    Worker() { }

    public Worker(WorkerId id, string region, string name) => (Id, Region, Name) = (id, region, name);

    public WorkerId Id { get; private set; }
    public string Region { get; private set; } = "";
    public string Name { get; private set; } = "";
    public DateTimeOffset? SeenAt { get; set; }

    /// <summary>Of its last report of the region's servers.</summary>
    public long InventoryVersion { get; set; }
    public bool IsRevoked { get; set; }
}
