using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using DataPathOptions = VBackup.DataPath.DataPathOptions;

namespace VBackup.Worker;

/// <summary>A point's volumes into a server's own volumes, or new ones. Everything is read back.</summary>
static class ImportWork
{
    public static async Task<ImportResult> DoAsync(
        EdgeCloud cloud, VaultOpening vaults, ImportOrder order, WorkSecrets secrets, LeaseReport report, RunAttempt attempt,
        DataPathOptions options, CancellationToken cancellation)
    {
        InPlaceWriting? writing = null;
        try
        {
            return await DoAsync(cloud, vaults, order, secrets, report, attempt, options, begun => writing = begun, cancellation)
                .ConfigureAwait(false);
        }
        catch when (order.Target == RestoreTarget.Original)
        {
            report.OverwroteNothing = await IsUntouchedAsync(cloud, order, writing).ConfigureAwait(false);
            throw;
        }
    }

    // What somebody else has taken over, or has died in writing, is not as it was either: no server starts on that. Who cannot tell says
    // no.
    static async Task<bool> IsUntouchedAsync(EdgeCloud cloud, ImportOrder order, InPlaceWriting? writing)
    {
        if (writing is { HasBegun: true }) return false;
        try
        {
            if (writing is not null && await writing.WasTakenOverAsync(CancellationToken.None).ConfigureAwait(false)) return false;
            return await cloud.FindServerAsync(order.Server.Id, CancellationToken.None).ConfigureAwait(false) is { } server
                && (await UnfinishedRestores.FindAsync(cloud.Storage, server.Disks.Select(disk => disk.Volume), CancellationToken.None)
                    .ConfigureAwait(false)).Count == 0;
        }
        catch (CloudException)
        {
            return false;
        }
    }

    static async Task<ImportResult> DoAsync(
        EdgeCloud cloud, VaultOpening vaults, ImportOrder order, WorkSecrets secrets, LeaseReport report, RunAttempt attempt,
        DataPathOptions options, Action<InPlaceWriting> onChecked, CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var point = await VaultCatalog.FindAsync(vault, order.VaultPoint, cancellation).ConfigureAwait(false);
        var edge = EdgeOf(point);
        var reading = await PointReading.BeginAsync(vault, "restore", point, cancellation).ConfigureAwait(false);
        await using var ending = reading.ConfigureAwait(false);
        var restore = new VolumeRestore(cloud.Storage, reading, report, options);
        var volumes = order.Target == RestoreTarget.NewServer ? point.Volumes : Choose(point, order.Volume);
        report.Expects(volumes.Sum(volume => volume.LengthBytes));
        if (order.Target == RestoreTarget.Original)
            return await WriteInPlaceAsync(cloud, restore, edge, point, order, report, attempt, onChecked, cancellation)
                .ConfigureAwait(false);
        var making = new NewResources(cloud, restore, edge, report, attempt);
        if (order.Target == RestoreTarget.NewServer)
        {
            var server = await making.MakeServerAsync(point, order.NewName!, cancellation).ConfigureAwait(false);
            return new($"server {server.Name}", restore.LogicalBytes, restore.WrittenBytes, report.Notes, NewServer: server.Id);
        }
        var volume = await making.MakeVolumeAsync(TheOnly(Choose(point, order.Volume)), order.NewName!, cancellation).ConfigureAwait(false);
        return new(volume, restore.LogicalBytes, restore.WrittenBytes, report.Notes);
    }

    static async Task<ImportResult> WriteInPlaceAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge,
        PointDocument point, ImportOrder order, LeaseReport report, RunAttempt attempt, Action<InPlaceWriting> onChecked,
        CancellationToken cancellation)
    {
        var server = await FindServerAsync(cloud, edge, cancellation).ConfigureAwait(false);
        var writing = await InPlaceWriting.CheckAsync(cloud, server, edge, Choose(point, order.Volume), cancellation, attempt)
            .ConfigureAwait(false);
        onChecked(writing);
        await writing.ShutOutOthersAsync(cancellation).ConfigureAwait(false);
        await writing.WriteAsync(restore, point.Id, order.SafetySnapshot, cancellation).ConfigureAwait(false);
        return new($"server {server.Name}", restore.LogicalBytes, restore.WrittenBytes, report.Notes,
            [.. writing.Volumes.Select(volume => volume.Value)], writing.Claim);
    }

    /// <summary>Whether a restore in place could begin now. Nothing is changed, and the server may run.</summary>
    /// <exception cref="RefusedException">It could not.</exception>
    public static async Task RequirePossibleAsync(
        EdgeCloud cloud, VaultOpening vaults, ImportOrder order, WorkSecrets secrets, CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var point = await VaultCatalog.FindAsync(vault, order.VaultPoint, cancellation).ConfigureAwait(false);
        var edge = EdgeOf(point);
        var server = await FindServerAsync(cloud, edge, cancellation).ConfigureAwait(false);
        await InPlaceWriting.CheckAsync(cloud, server, edge, Choose(point, order.Volume), cancellation).ConfigureAwait(false);
    }

    static EdgeDocument EdgeOf(PointDocument point) =>
        EdgeDocument.Of(point) ?? throw new RefusedException($"point {point.Id} was not made of a server");

    static async Task<Server> FindServerAsync(EdgeCloud cloud, EdgeDocument edge, CancellationToken cancellation) =>
        await cloud.FindServerAsync(edge.ServerId, cancellation).ConfigureAwait(false)
        ?? throw new RefusedException($"the server {edge.Server} is gone: restore it to a new one");

    internal static IReadOnlyList<VolumeDocument> Choose(PointDocument point, string? name) => name is null ? point.Volumes
        : [point.Volumes.FirstOrDefault(volume => volume.Name == name)
            ?? throw new RefusedException($"the point has no volume {name}; it has "
                + $"{string.Join(", ", point.Volumes.Select(volume => volume.Name))}")];

    internal static VolumeDocument TheOnly(IReadOnlyList<VolumeDocument> volumes) => volumes is [var volume] ? volume
        : throw new RefusedException($"say which volume: the point has {string.Join(", ", volumes.Select(one => one.Name))}");
}
