using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Keys;

namespace VBackup.Service.Locations;

/// <summary>Where a project keeps restore points.</summary>
public sealed class Location
{
    Location() { }

    public Location(LocationId id, ProjectId project, string region, string name, LocationKindView kind, string address) =>
        (Id, Project, Region, Name, Kind, Address, Version) = (id, project, region, name, kind, address, 1);

    public LocationId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public string Region { get; private set; } = "";
    public string Name { get; private set; } = "";
    public LocationKindView Kind { get; private set; }

    /// <summary>A folder, or <c>s3://bucket/prefix</c>, in which each project has a vault of its own.</summary>
    public string Address { get; private set; } = "";
    public string? Endpoint { get; init; }
    public string? S3Region { get; init; }
    public string? AccessKey { get; private set; }

    /// <summary>Under the master key.</summary>
    public byte[]? WrappedSecretKey { get; private set; }
    public LocationStateView State { get; private set; }

    /// <summary>What it lacks, as the last check found; null when it lacks nothing. One that was used stays so meanwhile: what fails may be
    /// the check.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Null for no limit.</summary>
    public long? QuotaBytes { get; private set; }
    public int SoftDeleteDays { get; private set; }

    /// <summary>Nobody deletes a younger point.</summary>
    public int? LockMinDays { get; private set; }

    /// <summary>An older point is deleted.</summary>
    public int? LockMaxDays { get; private set; }

    /// <summary>From when on nobody changes its lock; null when it has none.</summary>
    public DateTimeOffset? LockFinalAt { get; private set; }

    /// <summary>That time has come, and stays so although a clock is set back.</summary>
    public bool IsLockFinal { get; private set; }

    /// <summary>Its store can hold points, whoever wants to delete them, as a worker found. Once it is relied on, it stays so: a store that
    /// cannot any more makes backups fail.</summary>
    public bool CanHold { get; private set; }

    /// <summary>How long the store is to hold each point; null for not at all. What it holds nobody can give free: so nothing as long as
    /// the lock can be taken away.</summary>
    public int? HoldDays => IsLockFinal && CanHold ? LockMinDays : null;

    public LocationLock? Lock =>
        LockFinalAt is { } finalAt ? new(LockMinDays, LockMaxDays, finalAt, IsEnforcedByStore: HoldDays is not null) : null;

    /// <summary>Plans that name none use it: one of a project.</summary>
    public bool IsDefault { get; private set; }

    /// <summary>Nothing is kept in it any more, and it is not shown.</summary>
    public bool IsDeleted { get; private set; }

    /// <summary>As the store counted last; points that are being made come on top.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Something may be stored that no point needs.</summary>
    public bool HasGarbage { get; private set; }

    /// <summary>When its garbage was last begun to be collected.</summary>
    public DateTimeOffset? CollectedAt { get; private set; }

    /// <summary>When it was last begun to be verified. A new location needs it no sooner than one that was, as there is nothing in
    /// it.</summary>
    public DateTimeOffset? VerifyBegunAt { get; private set; }

    /// <summary>When all that it held was last read and checked; null when it never was.</summary>
    public DateTimeOffset? VerifiedAt { get; private set; }

    /// <summary>What the last verification or collection found damaged, or why it failed, or why a check is tried again; null when all
    /// was well.</summary>
    public string? Finding { get; private set; }

    /// <summary>Something has changed that its vault is to know for when the services are lost.</summary>
    public bool IsCatalogueStale { get; private set; }

    /// <summary>When the catalogue was last begun to be saved into its vault.</summary>
    public DateTimeOffset? CatalogueTriedAt { get; private set; }

    /// <summary>Why that failed; null when it did not.</summary>
    public string? CatalogueError { get; private set; }

    /// <summary>What is to be done with the key of its vault.</summary>
    public VaultKeyWork KeyWork { get; private set; }
    public bool IsBehindWithKey => KeyWork is VaultKeyWork.Rotate or VaultKeyWork.Erase;

    /// <summary>Each project has a vault of its own at an address.</summary>
    public static string VaultAt(string address, ProjectId project) => $"{address.TrimEnd('/')}/{project}";

    public VaultAddress VaultOf(ProjectId project) => new(VaultAt(Address, project), Endpoint, S3Region, HoldDays: HoldDays);

    /// <summary>As it is told to who may make one.</summary>
    public VaultAddress VaultToFillOf(ProjectId project) => VaultOf(project) with { HoldsPoints = UsedBytes > 0 };

    public void WasChecked(string? refusal, DateTimeOffset now)
    {
        if (KeyWork is VaultKeyWork.Erase or VaultKeyWork.Erased) return;
        VerifyBegunAt ??= now;
        Version++;
        if (State == LocationStateView.Ready)
        {
            Refusal = refusal is null ? null : $"its check failed: {refusal}";
            return;
        }
        // Until now it could only say why the check did not end.
        (State, Refusal, Finding) = (refusal is null ? LocationStateView.Ready : LocationStateView.Refused, refusal, null);
    }

    public void CheckIsTriedAgain(string error)
    {
        var tried = $"its check is tried again: {error}";
        // What was found in one that is used stands beside it.
        if (State == LocationStateView.Ready) Refusal = tried;
        else Finding = tried;
        Version++;
    }

    /// <summary>A worker has just used it.</summary>
    public void WasOpened()
    {
        if (State != LocationStateView.Ready || Refusal is null) return;
        Refusal = null;
        Version++;
    }

    public void OpensWith(string? accessKey, byte[]? wrappedSecretKey) => (AccessKey, WrappedSecretKey) = (accessKey, wrappedSecretKey);

    /// <summary>As <see cref="OpensWith"/>, of one that there is. REQUIRES: it is checked then.</summary>
    public void GetsCredentials(string accessKey, byte[] wrappedSecretKey)
    {
        OpensWith(accessKey, wrappedSecretKey);
        if (State == LocationStateView.Ready) Refusal = null;
        Version++;
    }

    public void IsLimited(long? quotaBytes, int softDeleteDays)
    {
        (QuotaBytes, SoftDeleteDays) = (quotaBytes, softDeleteDays);
        Version++;
    }

    /// <summary>REQUIRES: <see cref="MayChangeLock"/>.</summary>
    /// <param name="wish">Null to take it away.</param>
    public void Locks(LocationLock? wish)
    {
        (LockMinDays, LockMaxDays, LockFinalAt) = (wish?.MinDays, wish?.MaxDays, wish?.FinalAt);
        Version++;
    }

    public bool MayChangeLock(DateTimeOffset now) => !IsLockFinal && !(LockFinalAt <= now);

    public void LockIsFinal()
    {
        // Points that were made before are held by the next collection, and what a recovery needs beside them with the next catalogue.
        (IsLockFinal, HasGarbage, IsCatalogueStale) = (true, true, true);
        Version++;
    }

    public void WasSeenToHold(bool canHold)
    {
        if (canHold == CanHold || IsLockFinal && CanHold) return;
        CanHold = canHold;
        if (HoldDays is not null) (HasGarbage, IsCatalogueStale) = (true, true);
        Version++;
    }

    public void IsTheDefault(bool isDefault)
    {
        if (IsDefault == isDefault) return;
        IsDefault = isDefault;
        Version++;
    }

    public void Delete()
    {
        (IsDeleted, IsDefault) = (true, false);
        Version++;
    }

    public void MayHaveGarbage() => HasGarbage = true;

    public void Collects(DateTimeOffset now) => (HasGarbage, CollectedAt) = (false, now);

    public void Verifies(DateTimeOffset now) => VerifyBegunAt = now;

    /// <param name="finding">What is damaged; null when nothing is.</param>
    public void WasVerified(string? finding, DateTimeOffset now)
    {
        VerifiedAt = now;
        WasLookedAt(finding);
    }

    public void WasLookedAt(string? finding)
    {
        Finding = finding;
        Version++;
    }

    public void CatalogueChanges() => IsCatalogueStale = true;

    /// <summary>Its vault's copy of the project's key is under another master key than the one of now: that is not to wait.</summary>
    public void KeyCopyIsOutdated() => (IsCatalogueStale, CatalogueTriedAt) = (true, null);

    public void CatalogueIsTaken(DateTimeOffset now) => (IsCatalogueStale, CatalogueTriedAt) = (false, now);

    /// <param name="error">Null when it is in the vault.</param>
    public void CatalogueWasSaved(string? error)
    {
        if (error is not null) IsCatalogueStale = true;
        if (error == CatalogueError) return;
        CatalogueError = error;
        Version++;
    }

    /// <param name="wrapped">Under the master key of now.</param>
    public void KeepsSecret(byte[] wrapped) => WrappedSecretKey = wrapped;

    /// <summary>One of a system that was lost, whose vault was just read.</summary>
    public void IsRecovered(long usedBytes, bool opensWithPreviousKey, DateTimeOffset now)
    {
        (State, UsedBytes, HasGarbage, VerifyBegunAt) = (LocationStateView.Ready, usedBytes, true, now);
        if (opensWithPreviousKey) KeyWork = VaultKeyWork.Rotate;
    }

    /// <summary>The vault has to hear of what was done with the project's key.</summary>
    public void NeedsKeyWork(VaultKeyWork work)
    {
        if (KeyWork is VaultKeyWork.Erase or VaultKeyWork.Erased) return;
        KeyWork = work;
        // Its copy of the key is another.
        IsCatalogueStale = true;
        if (work != VaultKeyWork.Erase) return;
        (State, Refusal, IsCatalogueStale) = (LocationStateView.Refused, "the key of what it holds was erased", false);
        Version++;
    }

    /// <summary>The vault has heard.</summary>
    public void HasDoneKeyWork() => KeyWork = KeyWork switch
    {
        VaultKeyWork.Rotate => VaultKeyWork.None,
        VaultKeyWork.Erase => VaultKeyWork.Erased,
        _ => KeyWork,
    };

    public LocationChanged View() => new(Id, Version, Project, Region, Name, Kind, Address, Endpoint, State, Refusal, IsDefault, IsDeleted,
        QuotaBytes, UsedBytes, SoftDeleteDays, VerifiedAt, Finding ?? CatalogueError, Lock, CanHold);

    public void Uses(long bytes)
    {
        UsedBytes = Math.Max(0, bytes);
        Version++;
    }
}
