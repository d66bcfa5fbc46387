using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <summary>Makes the first project and whoever manages the system, where nobody is yet.</summary>
public static class FirstAdministrator
{
    /// <returns>The one-time password, to be printed once; null when there are users already.</returns>
    public static async Task<string?> EnsureAsync(ChangeMaker<PortalDb> changes, Passwords passwords, CancellationToken cancellation)
    {
        var password = Passwords.NewOneTime();
        var hash = passwords.Hash(password);
        return await changes.MakeAsync(async change =>
        {
            if (await change.Db.Set<User>().AnyAsync(cancellation).ConfigureAwait(false)) return null;
            // A system that was built again has projects, and nobody to use them.
            var projects = await change.Db.Set<Project>().Select(one => one.Id).ToListAsync(cancellation).ConfigureAwait(false);
            if (projects.Count == 0)
            {
                var project = new Project(change.NewId<ProjectId>(), Project.Default, change.Now);
                change.Db.Add(project);
                projects.Add(project.Id);
            }
            var user = new User(change.NewId<UserId>(), User.FirstAdministrator, hash, true, change.Now);
            change.Db.Add(user);
            change.Db.AddRange(projects.Select(project => new Membership(project, user.Id, BuiltInRoles.FullAccess)));
            change.Db.Add(new AuditEntry(change.NewId<AuditEntryId>(), change.Now, null, null, "first start", "createUser",
                $"user {user.Name}",
                AuditOutcome.Done, "this machine"));
            return password;
        }, cancellation).ConfigureAwait(false);
    }
}
