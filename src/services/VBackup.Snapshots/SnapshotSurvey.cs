using Microsoft.EntityFrameworkCore;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Messages;
using VBackup.Edge;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;

namespace VBackup.Snapshots;

/// <summary>A snapshot on the storage that is in no row: left by a crash, by a database that was restored, or by another system.</summary>
public sealed class OrphanSnapshot
{
    OrphanSnapshot() { }

    public OrphanSnapshot(string serverId, string instant, DateTimeOffset firstSeenAt) =>
        (ServerId, Instant, FirstSeenAt) = (serverId, instant, firstSeenAt);

    public string ServerId { get; private set; } = "";
    public string Instant { get; private set; } = "";
    public string ServerName { get; private set; } = "";
    public IReadOnlyList<string> Volumes { get; private set; } = [];
    public DateTimeOffset TakenAt { get; private set; }
    public DateTimeOffset FirstSeenAt { get; private set; }
    public int Sightings { get; private set; }
    public string? Error { get; private set; }

    public void WasSeen(string serverName, Instant instant)
    {
        (ServerName, TakenAt, Volumes) = (serverName, instant.TakenAt, [.. instant.Volumes.Select(volume => volume.Value)]);
        Sightings++;
    }

    public void IsNotRemoved(string error) => Error = error;
}

/// <summary>
/// Compares what the storage has with what is known. What is there and in no row is shown, and removed after a while if this system took
/// it; what is in a row and not there is told; what backups keep of servers that are gone is given free.
/// </summary>
/// <remarks>Steps may be done meanwhile. A row is there before the storage has anything, so that only what was removed since it was listed
/// can pass for an orphan: the next survey does not see it again. What is to be there is read before the storage is listed, and once more
/// after.</remarks>
public sealed class SnapshotSurvey(ChangeMaker<SnapshotsDb> changes, EdgeCloud cloud, string region, SnapshotLimits? limits = null)
{
    /// <summary>In one report; the rest follows when these are gone.</summary>
    const int ReportedMax = 500;

    readonly SnapshotLimits _limits = limits ?? new();

    sealed record Listed(Server? Server, string ServerId, HashSet<string> Instants);

    /// <returns>Whether one was due, and was made.</returns>
    public async Task<bool> TurnAsync(CancellationToken cancellation)
    {
        var isDue = await changes.MakeAsync(async change =>
        {
            var last = (await Installation.OfAsync(change, cancellation).ConfigureAwait(false)).SurveyedAt;
            // A clock that was set back does not put it off for ever.
            return last is null || change.Now < last || change.Now - last >= _limits.SurveyEvery;
        }, cancellation).ConfigureAwait(false);
        if (isDue) await RunAsync(cancellation).ConfigureAwait(false);
        return isDue;
    }

    async Task RunAsync(CancellationToken cancellation)
    {
        var expected = await changes.MakeAsync(change => ThoseThatAreThere(change.Db).AsNoTracking().ToListAsync(cancellation),
            cancellation)
            .ConfigureAwait(false);
        var servers = (await cloud.Hypervisor.ListAsync(cancellation).ConfigureAwait(false)).ToDictionary(server => server.Id);
        List<Listed> listed = [];
        List<string> unseen = [];
        foreach (var id in servers.Keys.Union(expected.Select(one => one.ServerId)).ToList())
        {
            var server = servers.GetValueOrDefault(id);
            List<VolumeId> volumes = [.. (server?.Disks ?? []).Select(disk => disk.Volume)
                .Union(expected.Where(one => one.ServerId == id).SelectMany(one => one.Disks).Select(disk => new VolumeId(disk.Volume)))];
            if (volumes.Count == 0) continue;
            try
            {
                var found = await cloud.Storage.Snapshots.ListAsync(volumes, cancellation).ConfigureAwait(false);
                listed.Add(new(server, id, [.. found.Select(one => one.Name)]));
                if (server is not null) await NoteOrphansAsync(server, found, cancellation).ConfigureAwait(false);
            }
            catch (CloudException)
            {
                // Of one server whose storage does not answer nothing is known, and nothing is done; the report names it.
                unseen.Add(server?.Name ?? id);
            }
        }
        foreach (var one in listed) await CompareAsync(one, expected, cancellation).ConfigureAwait(false);
        await RemoveOrphansAsync(cancellation).ConfigureAwait(false);
        await ReportAsync(unseen, cancellation).ConfigureAwait(false);
    }

    static IQueryable<Snapshot> ThoseThatAreThere(SnapshotsDb db) => db.Snapshots.Where(one =>
        (one.State == SnapshotState.Ready || one.State == SnapshotState.Base) && one.Next != SnapshotStep.Remove);

    Task NoteOrphansAsync(Server server, IReadOnlyList<Instant> found, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var before = await change.Db.Orphans.Where(one => one.ServerId == server.Id).ToDictionaryAsync(one => one.Instant, cancellation)
            .ConfigureAwait(false);
        foreach (var instant in found)
        {
            if (await IsKnownAsync(change.Db, instant.Name, cancellation).ConfigureAwait(false)) continue;
            if (!before.Remove(instant.Name, out var orphan))
            {
                orphan = new(server.Id, instant.Name, change.Now);
                change.Db.Orphans.Add(orphan);
            }
            orphan.WasSeen(server.Name, instant);
        }
        // Somebody has removed these, or they have got a row again.
        change.Db.Orphans.RemoveRange(before.Values);
    }, cancellation);

    // What is still to be removed is known, also when it was never taken as it should.
    static Task<bool> IsKnownAsync(SnapshotsDb db, string instant, CancellationToken cancellation) => db.Snapshots.AnyAsync(one =>
        one.Instant == instant && (one.Next != SnapshotStep.None || (one.State != SnapshotState.Removed
            && one.State != SnapshotState.Failed)), cancellation);

    Task CompareAsync(Listed listed, List<Snapshot> expected, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var rows = await ThoseThatAreThere(change.Db).Where(one => one.ServerId == listed.ServerId).ToListAsync(cancellation)
            .ConfigureAwait(false);
        foreach (var row in rows)
        {
            if (listed.Server is not null) row.SeesServer();
            else row.MissesServer(change.Now);
            if (!listed.Instants.Contains(row.Instant) && expected.Any(one => one.Id == row.Id))
            {
                row.IsMissing("the storage does not have it any more: somebody else removed it, or its volumes");
                await SnapshotCapacity.FreeAsync(change, row.Id, cancellation).ConfigureAwait(false);
                SnapshotOrders.Tell(change, row);
            }
            // No backup of a server that is gone will ask what changed since. What users took stays theirs.
            else if (row is { State: SnapshotState.Base, ServerGoneAt: { } since } && change.Now - since >= _limits.Grace)
            {
                row.IsToBeRemoved(change.Now);
                SnapshotOrders.Tell(change, row);
            }
        }
    }, cancellation);

    async Task RemoveOrphansAsync(CancellationToken cancellation)
    {
        var due = await changes.MakeAsync(async change =>
        {
            var installation = await Installation.OfAsync(change, cancellation).ConfigureAwait(false);
            var seenBefore = change.Now - _limits.Grace;
            var old = await change.Db.Orphans.AsNoTracking().Where(one => one.Sightings >= _limits.SightingsMin
                && one.FirstSeenAt <= seenBefore)
                .ToListAsync(cancellation).ConfigureAwait(false);
            return old.Where(one => installation.Named(one.Instant)).ToList();
        }, cancellation).ConfigureAwait(false);
        foreach (var orphan in due)
        {
            string? error = null;
            VolumeId[] volumes = [.. orphan.Volumes.Select(volume => new VolumeId(volume))];
            try
            {
                await UnfinishedRestores.RequireNotNeededAsync(cloud.Storage, orphan.Instant, volumes, cancellation).ConfigureAwait(false);
                await cloud.Storage.Snapshots.RemoveAsync(orphan.Instant, volumes, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is CloudException or RefusedException)
            {
                error = failure.Message;
            }
            await changes.MakeAsync(async change =>
            {
                if (await change.Db.Orphans.FindAsync([orphan.ServerId, orphan.Instant], cancellation)
                    .ConfigureAwait(false) is not { } found) return;
                if (error is null) change.Db.Orphans.Remove(found);
                else found.IsNotRemoved(error);
            }, cancellation).ConfigureAwait(false);
        }
    }

    Task ReportAsync(List<string> unseen, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        var installation = await Installation.OfAsync(change, cancellation).ConfigureAwait(false);
        installation.WasSurveyed(change.Now);
        var orphans = await change.Db.Orphans.AsNoTracking().OrderBy(one => one.FirstSeenAt).ThenBy(one => one.Instant).Take(ReportedMax)
            .ToListAsync(cancellation).ConfigureAwait(false);
        change.Send(Destination.Portal, new SnapshotsSurveyed(region, installation.SurveyVersion, change.Now,
            [.. orphans.Select(one => View(one, installation))], unseen), MessageJson.Default.SnapshotsSurveyed);
    }, cancellation);

    OrphanView View(OrphanSnapshot orphan, Installation installation)
    {
        var isOurs = installation.Named(orphan.Instant);
        return new(new(region, orphan.ServerId), orphan.ServerName, orphan.Instant, orphan.Volumes, orphan.TakenAt, orphan.FirstSeenAt,
            isOurs,
            isOurs ? orphan.FirstSeenAt + _limits.Grace : null, orphan.Error);
    }
}
