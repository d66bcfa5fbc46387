using System.Collections.Concurrent;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Tests.World;

/// <summary>What the vBackup service would answer, without one. It remembers what it was told to keep secret.</summary>
sealed class WorldLocations : ILocationRegistry
{
    readonly ConcurrentDictionary<LocationId, LocationChanged> _all = new();

    public List<string?> SecretKeys { get; } = [];

    /// <summary>Locations that have points.</summary>
    public HashSet<LocationId> Filled { get; } = [];

    public Task<LocationAnswer> CreateAsync(LocationId id, NewLocation wish, CancellationToken cancellation)
    {
        if (wish.Address.Length == 0)
            return Task.FromResult(new LocationAnswer(null, "invalid", "an address has 1 to 1000 characters", "address"));
        if (_all.Values.Any(one => one.LocationName == wish.Name && one.Project == wish.Project))
            return Task.FromResult(new LocationAnswer(null, "name-taken", $"there is a location {wish.Name} already", "name"));
        SecretKeys.Add(wish.SecretKey);
        return Task.FromResult(new LocationAnswer(_all[id] = new(id, 1, wish.Project, wish.Region, wish.Name, wish.Kind, wish.Address,
            wish.Endpoint,
            LocationStateView.Checking, null, wish.IsDefault, false, wish.QuotaBytes, 0, wish.SoftDeleteDays, null, null)));
    }

    public Task<LocationAnswer> ChangeAsync(ProjectId project, LocationId id, LocationChange wish, CancellationToken cancellation)
    {
        if (wish is not { Lock: null, HasNoLock: false }) return Task.FromResult(ChangeLock(project, id, wish));
        if (wish.QuotaBytes <= 0) return Task.FromResult(new LocationAnswer(null, "invalid", "a quota is 1 byte at least", "quotaBytes"));
        return Task.FromResult(Find(project, id) is not { } there ? NotFound : new(_all[id] = there with
        {
            Version = there.Version + 1,
            QuotaBytes = wish.HasNoQuota ? null : wish.QuotaBytes ?? there.QuotaBytes,
            SoftDeleteDays = wish.SoftDeleteDays ?? there.SoftDeleteDays,
            IsDefault = wish.IsDefault ?? there.IsDefault,
        }));
    }

    public Task<LocationAnswer> SetCredentialsAsync(ProjectId project, LocationId id, LocationCredentials wish,
        CancellationToken cancellation)
    {
        if (Find(project, id) is not { } there) return Task.FromResult(NotFound);
        SecretKeys.Add(wish.SecretKey);
        return Task.FromResult(new LocationAnswer(_all[id] = there with { Version = there.Version + 1 }));
    }

    public Task<LocationAnswer> DeleteAsync(ProjectId project, LocationId id, CancellationToken cancellation) => Task.FromResult(
        Find(project, id) is not { } there ? NotFound
        : Filled.Contains(id) ? new(null, "location-in-use", $"the location {there.LocationName} has 1 restore points: delete them first")
        : new(_all[id] = there with { Version = there.Version + 1, IsDeleted = true }));

    /// <summary>Locks are final at once where they have one day to be changed.</summary>
    LocationAnswer ChangeLock(ProjectId project, LocationId id, LocationChange wish) => Find(project, id) switch
    {
        null => NotFound,
        { Lock: { } held } when held.FinalAt <= DateTimeOffset.UnixEpoch.AddDays(1) => new(null, "lock-final", "the lock is final"),
        var there => new(_all[id] = there with
        {
            Version = there.Version + 1,
            Lock = wish.Lock is { } made ? new(made.MinDays, made.MaxDays, DateTimeOffset.UnixEpoch.AddDays(made.ChangeDays)) : null,
        }),
    };

    static LocationAnswer NotFound => new(null, "not-found", "there is no such location");

    LocationChanged? Find(ProjectId project, LocationId id) =>
        _all.TryGetValue(id, out var there) && there.Project == project && !there.IsDeleted ? there : null;
}
