using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Catalogues;
using VBackup.Service.Keys;

namespace VBackup.Service.Locations;

/// <inheritdoc/>
/// <param name="places">Where locations may be; anywhere, if it is not said.</param>
public sealed class LocationRegistry(ChangeMaker<BackupDb> changes, ProjectSecrets secrets, LocationPlaces? places = null)
    : ILocationRegistry
{
    const int NameMax = 100, AddressMax = 1000, SoftDeleteDaysMax = 3650;
    const string S3Scheme = "s3://";

    readonly LocationPlaces _places = places ?? LocationPlaces.Anywhere;

    public Task<LocationAnswer> CreateAsync(LocationId id, NewLocation wish, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
    {
        var db = change.Db;
        if (await db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is { } there)
            return there.Project == wish.Project ? new(there.View()) : NotFound;
        if ((FaultOf(wish) ?? PlaceFaultOf(wish)) is { } fault) return fault;
        if (await db.Locations.AnyAsync(one => one.Project == wish.Project && one.Name == wish.Name && !one.IsDeleted, cancellation)
            .ConfigureAwait(false))
            return new(null, "name-taken", $"there is a location {wish.Name} already", "name");
        if (await NeighbourFaultAsync(db, wish, cancellation).ConfigureAwait(false) is { } inTheWay) return inTheWay;
        var location = new Location(id, wish.Project, wish.Region, wish.Name, wish.Kind, wish.Address)
        {
            Endpoint = wish.Endpoint,
            S3Region = wish.S3Region,
        };
        location.OpensWith(wish.AccessKey, wish.SecretKey is { } secret ? secrets.WrapSecretKey(id, secret) : null);
        location.IsLimited(wish.QuotaBytes, wish.SoftDeleteDays);
        var isFirst = !await db.Locations.AnyAsync(one => one.Project == wish.Project && !one.IsDeleted, cancellation)
            .ConfigureAwait(false);
        if (wish.IsDefault || isFirst) await MakeDefaultAsync(change, location, cancellation).ConfigureAwait(false);
        db.Locations.Add(location);
        await CatalogueSaving.ChangeAsync(change, wish.Project, cancellation).ConfigureAwait(false);
        await secrets.EnsureKeyAsync(change, wish.Project, cancellation).ConfigureAwait(false);
        await LocationWork.CheckAsync(change, location, cancellation).ConfigureAwait(false);
        LocationWork.Tell(change, location);
        return new(location.View());
    }, cancellation);

    public Task<LocationAnswer> ChangeAsync(ProjectId project, LocationId id, LocationChange wish, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
        {
            if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } location) return NotFound;
            if (LimitFault(wish.QuotaBytes, wish.SoftDeleteDays ?? 0) is { } fault) return fault;
            if (LocationLocks.Change(location, wish, change.Now) is { } refused) return refused;
            location.IsLimited(wish.HasNoQuota ? null : wish.QuotaBytes ?? location.QuotaBytes,
                wish.SoftDeleteDays ?? location.SoftDeleteDays);
            if (wish.IsDefault == true) await MakeDefaultAsync(change, location, cancellation).ConfigureAwait(false);
            else if (wish.IsDefault == false) location.IsTheDefault(false);
            await CatalogueSaving.ChangeAsync(change, project, cancellation).ConfigureAwait(false);
            LocationWork.Tell(change, location);
            return new LocationAnswer(location.View());
        }, cancellation);

    public Task<LocationAnswer> SetCredentialsAsync(ProjectId project, LocationId id, LocationCredentials wish,
        CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } location) return NotFound;
        if (location.Kind != LocationKindView.VStorage) return Wrong("accessKey", "a folder has no keys");
        if (CredentialsFault(wish.AccessKey, wish.SecretKey) is { } fault) return fault;
        location.GetsCredentials(wish.AccessKey, secrets.WrapSecretKey(id, wish.SecretKey));
        // Of one whose key was erased nothing is found out any more; but the erasing itself may need them.
        if (location.KeyWork is not (VaultKeyWork.Erase or VaultKeyWork.Erased))
            await LocationWork.CheckAsync(change, location, cancellation).ConfigureAwait(false);
        LocationWork.Tell(change, location);
        return new LocationAnswer(location.View());
    }, cancellation);

    public Task<LocationAnswer> DeleteAsync(ProjectId project, LocationId id, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } location) return NotFound;
        var points = await change.Db.Points.CountAsync(point => point.Location == id && (point.State == RestorePointState.Active
            || point.State == RestorePointState.SoftDeleted || point.State == RestorePointState.Creating), cancellation)
                .ConfigureAwait(false);
        if (points > 0)
            return new(null, "location-in-use",
                $"the location {location.Name} has {points} restore points, those in its bin counted: delete them first");
        location.Delete();
        await CatalogueSaving.ChangeAsync(change, project, cancellation).ConfigureAwait(false);
        LocationWork.Tell(change, location);
        return new LocationAnswer(location.View());
    }, cancellation);

    LocationAnswer? PlaceFaultOf(NewLocation wish) => wish.Kind == LocationKindView.FileSystem
        ? _places.Folders?.FaultOf(Location.VaultAt(wish.Address, wish.Project), Path.GetFullPath) is { } noFolder
            ? Wrong("address", noFolder) : null
        : _places.Endpoints?.FaultOf(wish.Endpoint, wish.S3Region) is { } noEndpoint ? Wrong("endpoint", noEndpoint) : null;

    static async Task<LocationAnswer?> NeighbourFaultAsync(BackupDb db, NewLocation wish, CancellationToken cancellation)
    {
        var place = PlaceOf(wish.Address, wish.Endpoint);
        var vault = PlaceOf(Location.VaultAt(wish.Address, wish.Project), wish.Endpoint);
        var others = await db.Locations.Where(one => one.Region == wish.Region).ToListAsync(cancellation).ConfigureAwait(false);
        // Two would share one vault: it would count twice, and the quota of the one would not hold for the other.
        if (others.Find(one => one.Project == wish.Project && !one.IsDeleted && PlaceOf(one.Address, one.Endpoint) == place) is { } twin)
            return new(null, "name-taken", $"the location {twin.Name} has this address already", "address");
        // Whatever collects garbage in the outer one would find the inner one's objects. Vaults of deleted locations are still there.
        return others.Exists(one => PlaceOf(Location.VaultAt(one.Address, one.Project), one.Endpoint) is var other
                && other.Endpoint == vault.Endpoint && other.Address != vault.Address
                && (IsWithin(vault.Address, other.Address) || IsWithin(other.Address, vault.Address)))
            ? Wrong("address", "it lies within another location's vault, or would have one within its own") : null;
    }

    static bool IsWithin(string address, string other) => address.StartsWith(other + "/", StringComparison.Ordinal);

    static (string Address, string? Endpoint) PlaceOf(string address, string? endpoint) =>
        (address.StartsWith(S3Scheme, StringComparison.Ordinal) ? address.TrimEnd('/')
            : Path.TrimEndingDirectorySeparator(Path.GetFullPath(address)), endpoint?.TrimEnd('/'));

    static LocationAnswer NotFound => new(null, "not-found", "there is no such location");

    static async Task<Location?> FindAsync(BackupDb db, ProjectId project, LocationId id, CancellationToken cancellation) =>
        await db.Locations.FindAsync([id], cancellation).ConfigureAwait(false) is { IsDeleted: false } location
            && location.Project == project ? location : null;

    static async Task MakeDefaultAsync(Change<BackupDb> change, Location location, CancellationToken cancellation)
    {
        foreach (var other in await change.Db.Locations.Where(one => one.Project == location.Project
            && one.IsDefault).ToListAsync(cancellation)
            .ConfigureAwait(false))
        {
            other.IsTheDefault(false);
            LocationWork.Tell(change, other);
        }
        location.IsTheDefault(true);
    }

    static LocationAnswer? FaultOf(NewLocation wish)
    {
        if (wish.Name.Length is 0 or > NameMax || wish.Name.Any(char.IsControl))
            return Wrong("name", $"a location's name has 1 to {NameMax} characters");
        if (wish.Address.Length is 0 or > AddressMax || wish.Address.Any(char.IsControl))
            return Wrong("address", $"an address has 1 to {AddressMax} characters");
        var isS3 = wish.Address.StartsWith(S3Scheme, StringComparison.Ordinal);
        if (wish.Kind == LocationKindView.VStorage)
        {
            if (StoreEndpoints.AddressFormFaultOf(wish.Address) is { } noAddress) return Wrong("address", noAddress);
            if (CredentialsFault(wish.AccessKey, wish.SecretKey) is { } noKeys) return noKeys;
            if (wish.Endpoint is { } endpoint && StoreEndpoints.FormFaultOf(endpoint) is { } noEndpoint)
                return Wrong("endpoint", noEndpoint);
            if (wish.S3Region is { } region && StoreEndpoints.RegionFaultOf(region) is { } noRegion) return Wrong("s3Region", noRegion);
        }
        else if (!Path.IsPathFullyQualified(wish.Address) || isS3)
        {
            return Wrong("address", "of kind filesystem it is the full path of a folder");
        }
        return LimitFault(wish.QuotaBytes, wish.SoftDeleteDays);
    }

    static LocationAnswer? CredentialsFault(string? accessKey, string? secretKey) =>
        string.IsNullOrEmpty(accessKey) ? Wrong("accessKey", "vStorage needs an access key")
        : string.IsNullOrEmpty(secretKey) ? Wrong("secretKey", "vStorage needs a secret key") : null;

    static LocationAnswer? LimitFault(long? quotaBytes, int softDeleteDays) =>
        quotaBytes is <= 0 ? Wrong("quotaBytes", "a quota is 1 byte at least; leave it out for none")
        : softDeleteDays is < 0 or > SoftDeleteDaysMax ? Wrong("softDeleteDays", $"it is 0 to {SoftDeleteDaysMax} days") : null;

    static LocationAnswer Wrong(string field, string reason) => new(null, "invalid", reason, field);
}
