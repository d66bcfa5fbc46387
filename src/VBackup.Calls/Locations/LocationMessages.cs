using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;

namespace VBackup.Calls.Locations;

/// <summary>Locations as messages, and messages as locations.</summary>
static class LocationMessages
{
    public static V1.CreateLocationRequest Of(LocationId id, NewLocation wish) => new()
    {
        Location = Fields.Of(id),
        Project = Fields.Of(wish.Project),
        Region = wish.Region,
        Name = wish.Name,
        Kind = (V1.LocationKind)((int)wish.Kind + 1),
        Address = wish.Address,
        Endpoint = wish.Endpoint,
        S3Region = wish.S3Region,
        AccessKey = wish.AccessKey,
        SecretKey = wish.SecretKey,
        QuotaBytes = wish.QuotaBytes,
        SoftDeleteDays = wish.SoftDeleteDays,
        IsDefault = wish.IsDefault,
    };

    public static NewLocation Wish(V1.CreateLocationRequest wish) => new(Fields.Id<ProjectId>(wish.Project), wish.Region, wish.Name,
        Fields.Value<LocationKindView>((int)wish.Kind), wish.Address, wish.Endpoint, wish.S3Region, wish.AccessKey, wish.SecretKey,
        wish.QuotaBytes, wish.SoftDeleteDays, wish.IsDefault);

    public static V1.ChangeLocationRequest Of(ProjectId project, LocationId id, LocationChange wish) => new()
    {
        Project = Fields.Of(project),
        Location = Fields.Of(id),
        QuotaBytes = wish.QuotaBytes,
        HasNoQuota = wish.HasNoQuota,
        SoftDeleteDays = wish.SoftDeleteDays,
        IsDefault = wish.IsDefault,
        Lock = wish.Lock is { } wished
            ? new() { MinDays = wished.MinDays, MaxDays = wished.MaxDays, ChangeDays = wished.ChangeDays } : null,
        HasNoLock = wish.HasNoLock,
    };

    public static LocationChange Wish(V1.ChangeLocationRequest wish) => new(wish.QuotaBytes, wish.HasNoQuota, wish.SoftDeleteDays,
        wish.IsDefault, wish.Lock is { } wished ? new(wished.MinDays, wished.MaxDays, wished.ChangeDays) : null, wish.HasNoLock);

    public static V1.LocationReply Of(LocationAnswer answer) => new()
    {
        Location = answer.Location is { } location ? Of(location) : null,
        Code = answer.Code,
        Reason = answer.Reason,
        Field = answer.Field,
    };

    static V1.Location Of(LocationChanged location) => new()
    {
        Id = Fields.Of(location.Location),
        Version = location.Version,
        Project = Fields.Of(location.Project),
        Region = location.Region,
        Name = location.LocationName,
        Kind = (V1.LocationKind)((int)location.Kind + 1),
        Address = location.Address,
        Endpoint = location.Endpoint,
        State = (V1.LocationState)((int)location.State + 1),
        Refusal = location.Refusal,
        IsDefault = location.IsDefault,
        IsDeleted = location.IsDeleted,
        QuotaBytes = location.QuotaBytes,
        UsedBytes = location.UsedBytes,
        SoftDeleteDays = location.SoftDeleteDays,
        VerifiedAt = Fields.Of(location.VerifiedAt),
        Finding = location.Finding,
        Lock = location.Lock is not { } held ? null : new()
        {
            MinDays = held.MinDays,
            MaxDays = held.MaxDays,
            FinalAt = Fields.Of(held.FinalAt),
            IsEnforcedByStore = held.IsEnforcedByStore,
        },
        CanHoldPoints = location.CanHoldPoints,
    };

    public static LocationAnswer Answer(V1.LocationReply reply) =>
        new(reply.Location is { } location ? Location(location) : null, reply.Code, reply.Reason, reply.Field);

    static LocationChanged Location(V1.Location location) => new(Fields.Id<LocationId>(location.Id), location.Version,
        Fields.Id<ProjectId>(location.Project), location.Region, location.Name, Fields.Value<LocationKindView>((int)location.Kind),
        location.Address, location.Endpoint, Fields.Value<LocationStateView>((int)location.State), location.Refusal, location.IsDefault,
        location.IsDeleted, location.QuotaBytes, location.UsedBytes, location.SoftDeleteDays, Fields.Instant(location.VerifiedAt),
        location.Finding, location.Lock is { } held ? Lock(held) : null, location.CanHoldPoints);

    static LocationLock Lock(V1.LocationLock held) => new(held.MinDays, held.MaxDays,
        Fields.Instant(Fields.Required(held.FinalAt, "when a lock is final"))!.Value, held.IsEnforcedByStore);
}
