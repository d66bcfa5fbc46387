using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Vault.Catalog;

namespace VBackup.Worker;

/// <summary>Removes what lost workers have left half made of a run that makes something new, and that nobody goes on with.</summary>
static class UnfinishedWork
{
    public static async Task<UnfinishedResult> RemoveAsync(EdgeCloud cloud, VaultOpening vaults, UnfinishedOrder order,
        WorkSecrets secrets, RunAttempt attempt, CancellationToken cancellation)
    {
        var (server, volumes) = order switch
        {
            { Import: { } import } => await MadeByAsync(cloud, vaults, import, secrets, cancellation).ConfigureAwait(false),
            { ImportImage: { } image } => (null, [NewResources.NewVolume(cloud, new VolumeId(image.Beside), image.NewName)]),
            _ => throw new RefusedException("the order does not say what was to be made"),
        };
        var left = await LeftBehind.RemoveAsync(cloud, attempt, server, volumes, cancellation).ConfigureAwait(false);
        return new(left.Removed, left.Left);
    }

    // Where it was to be made depends on where the volumes were, which the point tells.
    static async Task<(string? Server, IReadOnlyList<VolumeId> Volumes)> MadeByAsync(
        EdgeCloud cloud, VaultOpening vaults, ImportOrder order, WorkSecrets secrets, CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var point = await VaultCatalog.FindAsync(vault, order.VaultPoint, cancellation).ConfigureAwait(false);
        var edge = EdgeDocument.Of(point) ?? throw new RefusedException($"point {point.Id} was not made of a server");
        if (order.Target == RestoreTarget.NewServer)
            return (order.NewName, NewResources.VolumesOf(cloud, edge, point, order.NewName!));
        var volume = ImportWork.TheOnly(ImportWork.Choose(point, order.Volume));
        return (null, [NewResources.NewVolume(cloud, new(edge.Volumes[volume.Name]), order.NewName!)]);
    }
}
