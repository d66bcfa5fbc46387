using VBackup.Snapshots;

namespace VBackup.Services.Tests.World;

static class SnapshotTurns
{
    /// <summary>All that is due, one step after the other.</summary>
    /// <returns>How many there were.</returns>
    public static async Task<int> DoDueAsync(this SnapshotWork work, CancellationToken cancellation)
    {
        await work.ExpireAsync(cancellation);
        var done = 0;
        while (await work.DoOneAsync(cancellation)) done++;
        return done;
    }
}
