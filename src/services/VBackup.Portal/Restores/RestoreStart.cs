using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Api;
using VBackup.Portal.Points;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Restores;

/// <summary>Asks the vBackup service for a restore, for a user or for a schedule.</summary>
static class RestoreStart
{
    /// <summary>What nobody carried out for so long is not wanted any more: in place, the server has gone on meanwhile.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    /// <summary>REQUIRES: there is no obstacle.</summary>
    public static RunId Ask(Change<PortalDb> change, PointRow point, RestoreWish wish, RunTrigger trigger)
    {
        var run = change.NewId<RunId>();
        change.Db.Runs.Add(RunRow.Asked(run, RunKind.Restore, point.Project, null, point.Server, point.ServerName, point.Location,
            point.Id, trigger, change.Now, wish.Target));
        change.Send(Destination.Backup, new StartRestore(run, point.Project, point.Id, wish.Target, wish.NewName, wish.Volume,
            wish.StopsServer, trigger),
            MessageJson.Default.StartRestore, change.Now + s_patience);
        return run;
    }

    /// <summary>What keeps this point from being restored so; null when nothing does.</summary>
    public static async Task<Problem?> ObstacleAsync(PortalDb db, PointRow point, RestoreWish wish, CancellationToken cancellation)
    {
        if (WhyNot(point) is { } obstacle) return obstacle;
        if (wish.Volume is { } volume && point.Volumes.All(one => one.Name != volume))
            return Problem.Wrong("volume", $"The point has {string.Join(", ", point.Volumes.Select(one => one.Name))}.");
        if (wish.Target != RestoreTarget.Original) return null;
        var server = await db.Servers.FindAsync([point.Region, point.ServerId], cancellation).ConfigureAwait(false);
        if (server is null || server.IsGone || server.Project != point.Project)
            return new(ProblemCode.ServerGone, $"{point.ServerName} is not there any more: restore to a new server.");
        if (ChangedVolumes(server, point, wish.Volume) is { Count: > 0 } changed)
            return new(ProblemCode.VolumeChanged, Sentence.Of(string.Join("; ", changed)) + (wish.Volume is null
                    && point.Volumes.Count > changed.Count
                ? " The other volumes can be restored in place one by one, and all of them to new volumes or a new server."
                : " Restore to new volumes, or a new server."));
        if (await SnapshotRoutes.RollBackOfAsync(db, point.Server, cancellation).ConfigureAwait(false) is { } back) return back;
        return await db.Runs.AnyAsync(run => run.Region == point.Region && run.ServerId == point.ServerId && run.Kind == RunKind.Backup
                && run.State < RunState.Succeeded, cancellation).ConfigureAwait(false)
            ? new(ProblemCode.RunGoingOn, $"A backup of {point.ServerName} is going on: wait for it, or cancel it.") : null;
    }

    // As far as the region's last report tells: whether one was replaced, only a worker sees.
    static List<string> ChangedVolumes(ServerRow server, PointRow point, string? only)
    {
        List<string> changed = [];
        if (!server.WasEverSeen) return changed;
        foreach (var volume in point.Volumes.Where(one => only is null || one.Name == only))
        {
            var disk = server.Disks.FirstOrDefault(one => one.Name == volume.Name);
            if (disk is null)
                changed.Add($"server {server.Name} has no disk {volume.Name} any more");
            else if (disk.LengthBytes is { } length && length != volume.LengthBytes)
                changed.Add($"the volume {disk.Volume}, disk {volume.Name} of {server.Name}, has {length} bytes now and had "
                    + $"{volume.LengthBytes}");
        }
        return changed;
    }

    /// <summary>What keeps a point from being read; null when nothing does.</summary>
    public static Problem? WhyNot(PointRow point) => point.State switch
    {
        _ when point.IsBeingDeleted => new(ProblemCode.PointNotActive, "It is being deleted."),
        RestorePointState.Active => null,
        RestorePointState.SoftDeleted => new(ProblemCode.PointNotActive, "It is in the bin: bring it back first."),
        RestorePointState.Erased => new(ProblemCode.PointNotActive, "The key that it needs was erased: nobody can read it any more."),
        _ => new(ProblemCode.PointNotActive, "It is not complete, or is not there any more."),
    };

    /// <summary>What is wrong with a restore whatever is restored.</summary>
    /// <param name="nameField">What the caller calls the name of what is new.</param>
    public static Problem? FaultOf(RestoreTarget? target, string nameField, string? name, string? volume, bool? stopsServer)
    {
        if (target is null) return Problem.Wrong("target", "It is one of original, newServer, newVolume.");
        if (target == RestoreTarget.Original)
            return name is null ? null : Problem.Wrong(nameField, "What is there keeps its name; a name is for what is new.");
        if (stopsServer is not null) return Problem.Wrong("stopsServer", "Nothing is stopped for a restore to new.");
        if (volume is not null && Input.Text("volume", volume) is { } wrong) return wrong;
        if (target == RestoreTarget.NewVolume && volume is null) return Problem.Wrong("volume", "Say which volume of the point.");
        return Input.Name(nameField, name);
    }

    /// <summary>Null when the caller may.</summary>
    public static Problem? Lacks(Caller caller, RestoreTarget target) =>
        caller.Lacks(target == RestoreTarget.NewVolume ? Identity.Permission.RestoreVolume : Identity.Permission.RestoreServer);
}
