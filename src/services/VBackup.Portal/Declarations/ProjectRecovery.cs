using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Identity;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Servers;

namespace VBackup.Portal.Declarations;

/// <summary>A project of a system that was lost, as its vaults tell of it.</summary>
/// <param name="Declarations">Null when no vault has them in a shape that can be read: then only points come back.</param>
/// <param name="Locations">Those that came back.</param>
/// <param name="DefaultLocation">Of plans whose own has not come back.</param>
/// <param name="Servers">Of points, with what the newest calls each, so that they are this project's again when they are seen.</param>
public sealed record FoundProject(
    ProjectId Project, ProjectDeclarations? Declarations, long DeclarationsVersion, IReadOnlyList<LocationId> Locations,
    LocationId DefaultLocation, IReadOnlyDictionary<ServerRef, string> Servers);

/// <summary>What became of it.</summary>
/// <param name="Notes">What is not as it was.</param>
public sealed record RecoveredProject(
    string Name, int Policies, int Plans, int Webhooks, int RestoreSchedules, IReadOnlyList<string> Notes);

/// <summary>Makes projects of a lost system in an empty database. Their plans and scheduled restores neither run nor let points go until
/// somebody enables them: two systems must not protect one server, and nobody here knows whether the other is really gone.</summary>
public static class ProjectRecovery
{
    public static async Task<RecoveredProject> MakeAsync(Change<PortalDb> change, FoundProject found, CancellationToken cancellation)
    {
        var db = change.Db;
        List<string> notes = [];
        var name = found.Declarations?.ProjectName ?? $"recovered-{found.Project.Value.ToString("N")[..8]}";
        if (db.Set<Project>().Local.Any(one => one.Name == name)
            || await db.Set<Project>().AnyAsync(one => one.Name == name, cancellation)
                .ConfigureAwait(false)) name = $"{name}-{found.Project.Value.ToString("N")[..8]}";
        db.Add(new Project(found.Project, name, change.Now));
        db.Declared.Add(new(found.Project, found.DeclarationsVersion));
        await SystemPolicies.EnsureAsync(change, cancellation).ConfigureAwait(false);
        var policies = await db.Policies.Where(one => one.Project == null).Select(one => one.Id).ToListAsync(cancellation)
            .ConfigureAwait(false);
        policies.AddRange(db.Policies.Local.Select(one => one.Id));
        foreach (var policy in found.Declarations?.Policies ?? [])
        {
            db.Policies.Add(new(policy.Policy, found.Project, policy.Name, policy.Rules));
            policies.Add(policy.Policy);
        }
        var servers = new Dictionary<ServerRef, string>(found.Servers);
        HashSet<ServerRef> planned = [];
        foreach (var plan in found.Declarations?.Plans ?? [])
        {
            if (!await IsFreeAsync(db, plan.Server, cancellation).ConfigureAwait(false))
            {
                notes.Add($"the plan of {plan.ServerName} did not come back: another project has one of this server");
                continue;
            }
            // A plan has heard of the name later than a point.
            servers[plan.Server] = plan.ServerName;
            planned.Add(plan.Server);
            db.Plans.Add(Plan.Recovered(plan, found.Project, Known(policies, plan, notes), Known(found, plan, notes), change.Now));
        }
        foreach (var (server, serverName) in servers)
            if (await db.Servers.FindAsync([server.Region, server.Id], cancellation).ConfigureAwait(false) is not { } known)
                db.Servers.Add(ServerRow.Expected(server, serverName, found.Project));
            // Another project has points of it, from before it was given to the one that protects it now.
            else if (planned.Contains(server)) known.IsGivenTo(found.Project);
        MakeWebhooks(db, found, change.Now, notes);
        foreach (var schedule in found.Declarations?.RestoreSchedules ?? [])
            db.RestoreSchedules.Add(RestoreSchedule.Recovered(schedule, found.Project, change.Now));
        return new(name, found.Declarations?.Policies.Count ?? 0, db.Plans.Local.Count(plan => plan.Project == found.Project),
            found.Declarations?.Webhooks?.Count ?? 0, found.Declarations?.RestoreSchedules?.Count ?? 0, notes);
    }

    static void MakeWebhooks(PortalDb db, FoundProject found, DateTimeOffset now, List<string> notes)
    {
        var webhooks = found.Declarations?.Webhooks ?? [];
        foreach (var webhook in webhooks)
        {
            db.Webhooks.Add(Webhook.Recovered(webhook.Webhook, found.Project, webhook.Name, webhook.Url, now));
            notes.Add($"the webhook {webhook.Name} came back without its secret: nothing is sent to it until it has a new one "
                + $"(POST /api/v1/webhooks/{webhook.Webhook}/secret)");
        }
        foreach (var policy in found.Declarations?.Policies ?? [])
            if (policy.Rules.Notification?.Webhooks?.Any(told => webhooks.All(webhook => webhook.Webhook != told)) == true)
                notes.Add($"the policy {policy.Name} tells a webhook that did not come back: take it out of the policy");
    }

    static async Task<bool> IsFreeAsync(PortalDb db, ServerRef server, CancellationToken cancellation) =>
        !db.Plans.Local.Any(plan => plan.Server == server)
        && !await db.Plans.AnyAsync(plan => plan.Region == server.Region && plan.ServerId == server.Id, cancellation).ConfigureAwait(false);

    static PolicyId Known(List<PolicyId> policies, DeclaredPlan plan, List<string> notes)
    {
        if (policies.Contains(plan.Policy)) return plan.Policy;
        notes.Add($"the policy of {plan.ServerName}'s plan did not come back: the plan has the default one");
        return SystemPolicies.Default;
    }

    static LocationId Known(FoundProject found, DeclaredPlan plan, List<string> notes)
    {
        if (found.Locations.Contains(plan.Location)) return plan.Location;
        notes.Add($"the location of {plan.ServerName}'s plan did not come back: the plan has the default one");
        return found.DefaultLocation;
    }
}
