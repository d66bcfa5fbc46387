using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Points;

namespace VBackup.Service.Recovery;

/// <summary>A project of a system that was lost, as its vaults tell of it.</summary>
/// <param name="Key">What opens its vaults, 32 bytes.</param>
/// <param name="PreviousKey">What opens those that had not heard of <paramref name="Key"/> yet.</param>
/// <param name="Generation">The highest that any of its vaults has.</param>
/// <param name="Declarations">Null when no vault has them.</param>
public sealed record FoundProject(
    ProjectId Project, byte[] Key, byte[]? PreviousKey, long Generation, DeclarationsChanged? Declarations,
        IReadOnlyList<FoundLocation> Locations)
{
    public override string ToString() => $"project {Project}";
}

/// <summary>A location of which the vault was read.</summary>
/// <param name="Entry">As it is now: where it was may be another place.</param>
/// <param name="OpensWithPreviousKey">Its vault has not heard of the project's key yet.</param>
public sealed record FoundLocation(
    CatalogueLocation Entry, string? AccessKey, string? SecretKey, long UsedBytes, bool OpensWithPreviousKey,
        IReadOnlyList<PointChanged> Points)
{
    public override string ToString() => $"location {Entry.Name}";
}

/// <summary>Makes what the vBackup service knew, in an empty database, and tells the Portal.</summary>
public static class SystemRecovery
{
    public static void Make(Change<BackupDb> change, ProjectSecrets secrets, FoundProject found)
    {
        var db = change.Db;
        db.Keys.Add(ProjectKey.Recovered(found.Project, secrets.WrapKey(found.Project, found.Key),
            found.PreviousKey is { } previous ? secrets.WrapKey(found.Project, previous) : null, change.Now));
        var catalogue = new Catalogues.CatalogueState(found.Project);
        catalogue.GoesOnFrom(found.Generation);
        if (found.Declarations is { } declarations) catalogue.Declares(declarations);
        db.Catalogues.Add(catalogue);
        foreach (var one in found.Locations)
        {
            var entry = one.Entry;
            var location = new Location(entry.Location, found.Project, entry.Region, entry.Name, entry.Kind, entry.Address)
            {
                Endpoint = entry.Endpoint,
                S3Region = entry.S3Region,
            };
            location.OpensWith(one.AccessKey,
                one.SecretKey is { } secret ? secrets.WrapSecretKey(entry.Location, secret) : null);
            location.IsLimited(entry.QuotaBytes, entry.SoftDeleteDays);
            location.Locks(entry.Lock);
            location.WasSeenToHold(entry.Lock?.IsEnforcedByStore ?? false);
            location.IsTheDefault(entry.IsDefault);
            location.IsRecovered(one.UsedBytes, one.OpensWithPreviousKey, change.Now);
            db.Locations.Add(location);
            LocationWork.Tell(change, location);
            foreach (var point in one.Points)
            {
                db.Points.Add(RestorePoint.Recovered(point));
                change.Send(Destination.Portal, point, MessageJson.Default.PointChanged);
            }
        }
    }
}
