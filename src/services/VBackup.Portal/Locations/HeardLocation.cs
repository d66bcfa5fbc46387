using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Notifications;

namespace VBackup.Portal.Locations;

/// <summary>Takes in what the vBackup service tells of a location, by a message or in answer to a change.</summary>
static class HeardLocation
{
    /// <returns>What is known of it now.</returns>
    public static async Task<LocationRow> HearAsync(Change<PortalDb> change, LocationChanged now, CancellationToken cancellation)
    {
        var row = await change.Db.Locations.FindAsync([now.Location], cancellation).ConfigureAwait(false);
        if (row is null)
        {
            row = new(now.Location);
            change.Db.Locations.Add(row);
        }
        var (found, locked) = (row.Finding, row.Lock);
        if (!row.Changes(now)) return row;
        if (row.Finding is not null && row.Finding != found)
            await Notices.LocationDamagedAsync(change, row, cancellation).ConfigureAwait(false);
        if (row.Lock != locked) await LookAtPlansAsync(change, row, cancellation).ConfigureAwait(false);
        return row;
    }

    // What goes, and when, is otherwise now: also of a server whose plan has another location by now.
    static async Task LookAtPlansAsync(Change<PortalDb> change, LocationRow location, CancellationToken cancellation)
    {
        foreach (var plan in await change.Db.Plans.Where(one => one.Project == location.Project).ToListAsync(cancellation)
            .ConfigureAwait(false))
            plan.HasNews(change.Now);
    }
}
