using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Portal.Identity;
using VBackup.Portal.Policies;

namespace VBackup.Portal;

/// <summary>What the Portal needs before anybody can use it.</summary>
public static class PortalStart
{
    /// <summary>The policies of the system, and a region, whose servers are the default project's. REQUIRES: the first administrator is
    /// there.</summary>
    /// <returns>The default project.</returns>
    public static Task<ProjectId> EnsureAsync(ChangeMaker<PortalDb> changes, string region, CancellationToken cancellation) =>
        changes.MakeAsync(async change =>
    {
        await SystemPolicies.EnsureAsync(change, cancellation).ConfigureAwait(false);
        // The oldest: it may have been given another name.
        var project = await change.Db.Set<Project>().OrderBy(one => one.CreatedAt).ThenBy(one => one.Id).Select(one => one.Id)
            .FirstAsync(cancellation).ConfigureAwait(false);
        if (await change.Db.Regions.FindAsync([region], cancellation).ConfigureAwait(false) is null)
            change.Db.Regions.Add(new(region, project));
        return project;
    }, cancellation);
}
