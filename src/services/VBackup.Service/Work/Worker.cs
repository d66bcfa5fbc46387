using VBackup.Contracts.Ids;

namespace VBackup.Service.Work;

/// <summary>A Backup Worker.</summary>
public sealed class Worker
{
    Worker() { }

    /// <param name="credentialDigest">Null for one within the service's own process, which shows none.</param>
    public Worker(WorkerId id, string region, string name, byte[]? credentialDigest = null) =>
        (Id, Region, Name, CredentialDigest) = (id, region, name, credentialDigest);

    public WorkerId Id { get; private set; }
    public string Region { get; private set; } = "";
    public string Name { get; private set; } = "";

    /// <summary>Of what it shows to be let in; null when nothing lets it in.</summary>
    public byte[]? CredentialDigest { get; private set; }
    public DateTimeOffset? SeenAt { get; set; }

    /// <summary>Of its last report of the region's servers.</summary>
    public long InventoryVersion { get; set; }

    /// <summary>It gets no more tasks.</summary>
    public bool IsDraining { get; set; }
    public bool IsRevoked { get; private set; }

    public void Revoke() => (IsRevoked, CredentialDigest) = (true, null);
}
