using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <summary>Makes the first project and whoever manages the system, where nobody is yet. Until he has signed in, each start gives him
/// another one-time password: nobody knows whether the one before was seen.</summary>
public static class FirstAdministrator
{
    /// <returns>The one-time password, to be printed; null when somebody has signed in already.</returns>
    public static async Task<string?> EnsureAsync(ChangeMaker<PortalDb> changes, Passwords passwords, CancellationToken cancellation)
    {
        var password = Passwords.NewOneTime();
        var hash = passwords.Hash(password);
        return await changes.MakeAsync(async change =>
        {
            var users = await change.Db.Set<User>().Take(2).ToListAsync(cancellation).ConfigureAwait(false);
            if (users.Count > 0)
            {
                // One alone that may do nothing yet: there is no other who could give him a password.
                if (users is not [{ MustChangePassword: true } waiting]) return null;
                waiting.GivePassword(hash);
                Audit(change, "another start", "resetPassword", waiting);
                return password;
            }
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
            Audit(change, "first start", "createUser", user);
            return password;
        }, cancellation).ConfigureAwait(false);
    }

    static void Audit(Change<PortalDb> change, string who, string action, User user) => change.Db.Add(new AuditEntry(
        change.NewId<AuditEntryId>(), change.Now, null, null, who, action, $"user {user.Name}", AuditOutcome.Done, "this machine"));
}
