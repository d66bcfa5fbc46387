using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Portal.Declarations;
using VBackup.Primitives;
using VBackup.Service.Recovery;

namespace VBackup.Cli.Recovering;

/// <summary>A project as both services are to have it, and what is not as it was.</summary>
sealed record ProjectFinding(Service.Recovery.FoundProject Service, Portal.Declarations.FoundProject Portal,
    IReadOnlyList<LocationFinding> Locations);

/// <param name="Damages">What should be there and cannot be read.</param>
/// <param name="Problems">What else is not as it was.</param>
sealed record LocationFinding(
    string Name, string Address, int Points, int InBin, IReadOnlyList<string> Damages, IReadOnlyList<string> Problems);

/// <summary>Puts together what the vaults of a project tell. Of the catalogues the newest counts, by its generation and no clock.</summary>
sealed class FoundSystem(IdSource ids, DateTimeOffset now)
{
    const string RegionDefault = "local";

    readonly RecoveredPoints _points = new(ids, now);

    /// <param name="vaults">All of one project.</param>
    /// <param name="problems">Takes what concerns the whole project.</param>
    public ProjectFinding Of(IReadOnlyList<FoundVault> vaults, List<string> problems)
    {
        var project = vaults[0].Project;
        List<FoundVault> newestFirst = [.. vaults.OrderByDescending(vault => vault.Generation)];
        var told = newestFirst.Select(vault => vault.Catalogue).OfType<ProjectCatalogue>().ToList();
        var (key, previous) = KeysOf(newestFirst, problems);
        var entries = EntriesOf(newestFirst, told);
        List<FoundLocation> locations = [];
        List<LocationFinding> findings = [];
        foreach (var vault in newestFirst.Where(vault => IsEither(vault.Key, key, previous)))
        {
            List<string> damages = [.. vault.Damages], ofVault = [];
            var entry = entries[vault];
            var points = _points.Of(vault, entry, damages, ofVault);
            locations.Add(new(entry, vault.Place.AccessKey, vault.Place.SecretKey, vault.UsedBytes, !vault.Key.AsSpan().SequenceEqual(key),
                points));
            findings.Add(new(entry.Name, entry.Address, points.Count(point => point.State == RestorePointState.Active),
                points.Count(point => point.State == RestorePointState.SoftDeleted), damages, ofVault));
        }
        foreach (var lacking in (told.FirstOrDefault()?.Locations ?? []).Where(
            known => locations.TrueForAll(one => one.Entry.Location != known.Location)))
            problems.Add($"the location {lacking.Name} ({lacking.Address}) did not come back: it was not given, or there is no vault of "
                + "the project in it");
        var declared = told.Where(catalogue => catalogue.Declarations is not null).MaxBy(catalogue => catalogue.DeclarationsVersion);
        var read = declared is null ? null : ReadDeclarations(declared, problems);
        if (declared is null) problems.Add("no vault tells of plans and policies: make them anew");
        return new(
            new(project, key, previous, newestFirst[0].Generation,
                declared is null ? null : new DeclarationsChanged(project, declared.DeclarationsVersion, declared.Declarations!.Value),
                    locations),
            new(project, read, declared?.DeclarationsVersion ?? 0, [.. locations.Select(one => one.Entry.Location)],
                locations.Find(one => one.Entry.IsDefault)!.Entry.Location,
                locations.SelectMany(one => one.Points).GroupBy(point => point.Server)
                    .ToDictionary(points => points.Key, points => points.MaxBy(point => point.TakenAt)!.ServerName)),
            findings);
    }

    static ProjectDeclarations? ReadDeclarations(ProjectCatalogue catalogue, List<string> problems)
    {
        try
        {
            return ProjectDeclarations.Read(catalogue.Declarations!.Value);
        }
        catch (JsonException wrong)
        {
            problems.Add($"plans and policies did not come back: {wrong.Message}");
            return null;
        }
    }

    // A change of the project's key may have been under way: then its vaults have one of two.
    static (byte[] Key, byte[]? Previous) KeysOf(List<FoundVault> vaults, List<string> problems)
    {
        var key = vaults[0].Key;
        var previous = vaults.Find(vault => !vault.Key.AsSpan().SequenceEqual(key))?.Key;
        foreach (var other in vaults.Where(vault => !IsEither(vault.Key, key, previous)))
            problems.Add($"the vault {other} did not come back: it opens with a third key of the project, which has one and the one "
                + "before");
        return (key, previous);
    }

    static bool IsEither(byte[] one, byte[] key, byte[]? previous) =>
        one.AsSpan().SequenceEqual(key) || previous is not null && one.AsSpan().SequenceEqual(previous);

    // By what the vault says of itself; else by its address; else it is given a name.
    Dictionary<FoundVault, CatalogueLocation> EntriesOf(List<FoundVault> vaults, List<ProjectCatalogue> told)
    {
        var known = told.SelectMany(catalogue => catalogue.Locations).DistinctBy(location => location.Location).ToList();
        Dictionary<FoundVault, CatalogueLocation> entries = new(ReferenceEqualityComparer.Instance);
        foreach (var vault in vaults)
        {
            var place = vault.Place;
            var entry = known.Find(location => vault.Catalogue is { } own
                ? location.Location == own.Location : location.Address.TrimEnd('/') == place.Address);
            // Two copies of one vault cannot both be it.
            if (entry is null || entries.Values.Any(other => other.Location == entry.Location))
                entry = new(ids.New<LocationId>(), entry?.Region ?? RegionDefault, $"recovered-{place.Number}", place.Kind, place.Address,
                    null,
                    null, IsDefault: false, QuotaBytes: null, SoftDeleteDays: entry?.SoftDeleteDays ?? 0,
                    entry?.Lock);
            // No endpoint is one too, Amazon's: what the vault was read from is where it is. A region that was not said is the one that
            // the catalogue has of the same place.
            var isWhereItWas = entry.Endpoint == place.Endpoint && entry.Address.TrimEnd('/') == place.Address;
            entries[vault] = entry with { Kind = place.Kind, Address = place.Address, Endpoint = place.Endpoint,
                S3Region = place.S3Region ?? (isWhereItWas ? entry.S3Region : null) };
        }
        var first = entries.Values.FirstOrDefault(entry => entry.IsDefault) ?? entries[vaults[0]];
        foreach (var vault in vaults) entries[vault] = entries[vault] with { IsDefault = entries[vault].Location == first.Location };
        return entries;
    }
}
