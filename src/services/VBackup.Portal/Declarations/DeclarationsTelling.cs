using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Identity;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;

namespace VBackup.Portal.Declarations;

/// <summary>Tells the vBackup service what users have declared, a little after they did: it saves it into the project's vaults.</summary>
static class DeclarationsTelling
{
    /// <summary>Between two messages about a project.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);
    const int BatchMax = 20;

    /// <summary>Notes which projects' declarations a change touches. Whatever the use case is, none is forgotten.</summary>
    public static async Task NoteAsync(PortalDb db, CancellationToken cancellation)
    {
        var touched = db.ChangeTracker.Entries().Where(entry =>
            entry.State is EntityState.Added or EntityState.Modified or EntityState.Deleted)
            .Select(entry => entry.Entity switch
            {
                // Its other members say when to look at it again.
                Plan plan when entry.State != EntityState.Modified || entry.Property(nameof(Plan.Version)).IsModified => plan.Project,
                PolicyRow policy => policy.Project,
                // Its secret, which alone changes, is not told.
                Webhook webhook when entry.State != EntityState.Modified => webhook.Project,
                // So with what it has started; but one that was to start once is over then.
                RestoreSchedule schedule when entry.State != EntityState.Modified || schedule.Calendar is null
                    || entry.Property(nameof(RestoreSchedule.IsEnabled)).IsModified => schedule.Project,
                Project project => project.Id,
                _ => (ProjectId?)null,
            }).OfType<ProjectId>().Distinct().ToList();
        foreach (var project in touched)
        {
            var row = await db.Declared.FindAsync([project], cancellation).ConfigureAwait(false);
            if (row is null) db.Declared.Add(row = new(project));
            row.Changes();
        }
    }

    /// <summary>Projects of which something is to be told now.</summary>
    public static Task<List<ProjectId>> FindDueAsync(Change<PortalDb> change, CancellationToken cancellation)
    {
        var toldSince = change.Now - Pause;
        return change.Db.Declared.Where(row => row.Version > row.ToldVersion && (row.ToldAt == null || row.ToldAt <= toldSince))
            .OrderBy(row => row.ToldAt).Select(row => row.Project).Take(BatchMax).ToListAsync(cancellation);
    }

    /// <summary>When it is due; and before a run: what that is made by is to be in the vault with its point.</summary>
    public static async Task TellNowAsync(Change<PortalDb> change, ProjectId project, CancellationToken cancellation)
    {
        if (await change.Db.Declared.FindAsync([project], cancellation).ConfigureAwait(false) is { } row && row.Version > row.ToldVersion)
            await TellAsync(change, row, cancellation).ConfigureAwait(false);
    }

    static async Task TellAsync(Change<PortalDb> change, DeclaredProject row, CancellationToken cancellation)
    {
        if (await OfAsync(change.Db, row.Project, cancellation).ConfigureAwait(false) is { } declared)
            change.Send(Destination.Backup, new DeclarationsChanged(row.Project, row.Version,
                JsonSerializer.SerializeToElement(declared, DeclarationsJson.Default.ProjectDeclarations)),
                    MessageJson.Default.DeclarationsChanged);
        row.IsTold(change.Now);
    }

    static async Task<ProjectDeclarations?> OfAsync(PortalDb db, ProjectId id, CancellationToken cancellation)
    {
        if (await db.Set<Project>().FindAsync([id], cancellation).ConfigureAwait(false) is not { } project) return null;
        var policies = await db.Policies.AsNoTracking().Where(one => one.Project == id).OrderBy(one => one.Id).ToListAsync(cancellation)
            .ConfigureAwait(false);
        var plans = await db.Plans.AsNoTracking().Where(one => one.Project == id).OrderBy(one => one.Id).ToListAsync(cancellation)
            .ConfigureAwait(false);
        var webhooks = await db.Webhooks.AsNoTracking().Where(one => one.Project == id).OrderBy(one => one.Id).ToListAsync(cancellation)
            .ConfigureAwait(false);
        var schedules = await db.RestoreSchedules.AsNoTracking().Where(one => one.Project == id).OrderBy(one => one.Id)
            .ToListAsync(cancellation).ConfigureAwait(false);
        return new(ProjectDeclarations.FormatNow, project.Name, [.. policies.Select(one => new DeclaredPolicy(one.Id, one.Name,
            one.Rules))],
            [.. plans.Select(one => new DeclaredPlan(
                one.Id, one.Server, one.ServerName, one.Policy, one.Location, one.Volumes, one.Note, one.IsEnabled))],
            [.. webhooks.Select(one => new DeclaredWebhook(one.Id, one.Name, one.Url))],
            [.. schedules.Where(one => !one.IsOver).Select(one => new DeclaredRestoreSchedule(
                one.Id, one.Name, one.Server, one.ServerName, one.Wish, one.At, one.Calendar, one.IsEnabled))]);
    }
}
