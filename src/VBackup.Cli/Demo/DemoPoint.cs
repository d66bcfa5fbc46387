using VBackup.Cli.Edge;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Vault.Format;

namespace VBackup.Cli.Demo;

/// <summary>A restore point, and the snapshot that it was made of, to compare with. Owns the snapshot's readers.</summary>
/// <param name="WrittenBefore">The journal's last record before the backup began.</param>
/// <param name="Snapshot">One a volume, in the server's order. A lab's snapshot is files, which can be read as long as they are
/// open, also when the next backup has removed the snapshot.</param>
sealed record DemoPoint(string Id, long WrittenBefore, IReadOnlyList<IVolumeReader> Snapshot) : IAsyncDisposable
{
    public static async Task<DemoPoint> OpenAsync(
        EdgeCloud cloud, DemoServer server, PointDocument point, long writtenBefore, CancellationToken cancellation)
    {
        List<IVolumeReader> snapshot = [];
        var opened = new DemoPoint(point.Id, writtenBefore, snapshot);
        try
        {
            var instant = ServerPoint.EdgeOf(point).Instant;
            foreach (var volume in server.Volumes)
                snapshot.Add(await cloud.Storage.Snapshots.OpenAsync(instant, volume.Id, cancellation).ConfigureAwait(false));
            return opened;
        }
        catch
        {
            await opened.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var volume in Snapshot) await volume.DisposeAsync().ConfigureAwait(false);
    }
}
