using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge.Backups;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Worker;

namespace VBackup.Cli.Recovering;

/// <summary>
/// Makes restore points of what a vault has. Its points come back whatever the catalogue says; one that says that a point was deleted puts
/// it
/// into the bin, so that nothing is lost by an old catalogue, and nothing stays for ever that somebody wanted gone.
/// </summary>
sealed class RecoveredPoints(IdSource ids, DateTimeOffset now)
{
    /// <summary>Whoever recovers a system has so long to look into its bin.</summary>
    static readonly TimeSpan s_binMin = TimeSpan.FromDays(7);

    readonly HashSet<RestorePointId> _taken = [];

    /// <param name="damages">Takes what cannot be read.</param>
    /// <param name="problems">Takes what else did not come back.</param>
    public List<PointChanged> Of(FoundVault vault, CatalogueLocation location, List<string> damages, List<string> problems)
    {
        var known = (vault.Catalogue?.Points ?? []).DistinctBy(point => point.VaultPoint).ToDictionary(point => point.VaultPoint);
        List<PointChanged> points = [];
        HashSet<string> distrusted = [];
        var strangers = 0;
        foreach (var document in vault.Points)
        {
            try
            {
                if (EdgeDocument.Of(document) is not { } edge)
                {
                    strangers++;
                    continue;
                }
                distrusted.UnionWith(edge.Distrusts);
                points.Add(Of(document, edge, PointMetadata.Find(document), known.GetValueOrDefault(document.Id), vault.Project, location));
            }
            catch (DamageException damage)
            {
                damages.Add(damage.Message);
            }
        }
        if (strangers > 0) problems.Add(
            $"{strangers} points were not made of servers: 'vbackup vault list' shows them, and 'vault restore' restores them");
        var missing = known.Values.Count(point => point.State is RestorePointState.Active or RestorePointState.SoftDeleted
            && vault.Points.All(document => document.Id != point.VaultPoint));
        if (missing > 0) problems.Add(
            $"{missing} points that the catalogue of {vault.SavedAt:u} tells of are not in the vault: deleted since, or lost");
        return [.. points.Select(point => distrusted.Contains(point.VaultPoint!) ? point with { IsDistrusted = true } : point)];
    }

    PointChanged Of(PointDocument document, EdgeDocument edge, CatalogueMember? member, CataloguePoint? known, ProjectId project,
        CatalogueLocation location)
    {
        var id = member?.Point ?? known?.Point ?? ids.New<RestorePointId>();
        // A vault that was copied has the same points; each is one of its own here.
        if (!_taken.Add(id)) _taken.Add(id = ids.New<RestorePointId>());
        var isDeleted = known?.State is RestorePointState.SoftDeleted or RestorePointState.Deleted;
        var purgeAt = known?.PurgeAt is { } planned && planned > now + s_binMin ? planned : now + s_binMin;
        return new(id, Version: 1, project, member?.Entry.Plan ?? known?.Plan, member?.Run ?? known?.Run ?? RunId.From(id.Value),
            member?.Entry.Server ?? new(location.Region, edge.ServerId), edge.Server, location.Location,
            isDeleted ? RestorePointState.SoftDeleted : RestorePointState.Active, KindOf(document.Type),
            // What nobody knows the rule of stays until a user deletes it.
            member?.Entry.Trigger ?? known?.Trigger ?? RunTrigger.Manual, member?.Entry.Tags ?? known?.Tags ?? [],
            member?.Entry.DueAt ?? known?.DueAt ?? edge.TakenAt, edge.TakenAt, known?.CompletedAt ?? document.CreatedAt, edge.Consistency,
                document.Id,
            known?.IsDistrusted ?? false,
            [.. document.Volumes.Select(volume => new VolumePointView(
                volume.Name, volume.LengthBytes, KindOf(volume.Type), volume.ReadBytes, volume.StoredBytes))],
            isDeleted ? known!.DeletedAt ?? now : null, isDeleted ? purgeAt : null, known?.IsProtected ?? false, edge.InstantKind,
            edge.SkewSeconds, ConfigurationOf(edge));
    }

    static PointConfiguration ConfigurationOf(EdgeDocument edge) => new(edge.ConfigurationKind, edge.Processors, edge.MemoryBytes,
        [.. edge.Volumes.Select(disk => new ConfiguredDisk(disk.Key, disk.Value)).OrderBy(disk => disk.Name, StringComparer.Ordinal)]);

    static PointKind KindOf(PointType type) => type == PointType.Full ? PointKind.Full : PointKind.Incremental;
}
