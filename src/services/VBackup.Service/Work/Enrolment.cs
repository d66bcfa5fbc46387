using VBackup.Contracts.Ids;

namespace VBackup.Service.Work;

/// <summary>What lets one worker into a region, once, until its time is over.</summary>
public sealed class Enrolment
{
    Enrolment() { }

    public Enrolment(EnrolmentId id, string region, byte[] digest, DateTimeOffset expiresAt) =>
        (Id, Region, Digest, ExpiresAt) = (id, region, digest, expiresAt);

    public EnrolmentId Id { get; private set; }
    public string Region { get; private set; } = "";

    /// <summary>Of the token.</summary>
    public byte[] Digest { get; private set; } = [];
    public DateTimeOffset ExpiresAt { get; private set; }

    /// <summary>Who has used it; null when nobody has.</summary>
    public WorkerId? Worker { get; private set; }

    public bool IsGoodAt(DateTimeOffset now) => Worker is null && now < ExpiresAt;

    public void IsUsedBy(WorkerId worker) => Worker = worker;
}
