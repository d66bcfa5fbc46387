using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Portal.Notifications;

namespace VBackup.Portal.Policies;

/// <summary>What users do with policies.</summary>
static class PolicyUse
{
    public const int NameMax = 100;
    const int NamesShown = 5;

    public static async Task<Answer<PolicyRow>> CreateAsync(
        Change<PortalDb> change, ProjectId project, string name, PolicyRules rules, CancellationToken cancellation)
    {
        if (await FaultAsync(change.Db, project, null, name, rules, cancellation).ConfigureAwait(false) is { } fault) return fault;
        var policy = new PolicyRow(change.NewId<PolicyId>(), project, name, rules);
        change.Db.Policies.Add(policy);
        return policy;
    }

    /// <summary>Its plans are looked at anew, and its retention holds for their points a minute later; unless nothing of either
    /// changed.</summary>
    public static async Task<Answer<PolicyRow>> ChangeAsync(
        Change<PortalDb> change, ProjectId project, PolicyId id, string name, PolicyRules rules, CancellationToken cancellation)
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } policy)
            return Refusal.NotFound("policy");
        if (policy.IsSystemDefault)
            return Refusal.Conflict("system-default", $"the policy {policy.Name} is a default of the system: make one of your own");
        if (await FaultAsync(change.Db, project, policy, name, rules, cancellation).ConfigureAwait(false) is { } fault) return fault;
        // A name and who is told have no part in what is due and what is kept.
        var changesPoints = !policy.Rules.RunsAndKeepsAs(rules);
        policy.Changes(name, rules);
        if (!changesPoints) return policy;
        await foreach (var plan in change.Db.Plans.Where(plan => plan.Policy == id).AsAsyncEnumerable().WithCancellation(cancellation)
            .ConfigureAwait(false))
            plan.PolicyChanged(change.Now);
        return policy;
    }

    public static async Task<Answer<PolicyRow>> DeleteAsync(Change<PortalDb> change, ProjectId project, PolicyId id,
        CancellationToken cancellation)
    {
        if (await FindAsync(change.Db, project, id, cancellation).ConfigureAwait(false) is not { } policy)
            return Refusal.NotFound("policy");
        if (policy.IsSystemDefault)
            return Refusal.Conflict("system-default", $"the policy {policy.Name} is a default of the system, which nobody deletes");
        var users = await change.Db.Plans.Where(plan => plan.Policy == id).OrderBy(plan => plan.ServerName).Select(plan => plan.ServerName)
            .ToListAsync(cancellation).ConfigureAwait(false);
        if (users.Count > 0)
            return Refusal.Conflict("policy-in-use", $"the policy {policy.Name} is used for {string.Join(", ", users.Take(NamesShown))}"
                + $"{(users.Count > NamesShown ? $" and {users.Count - NamesShown} more" : "")}: give those plans another policy first");
        change.Db.Policies.Remove(policy);
        return policy;
    }

    /// <summary>One of the project, or of the system.</summary>
    public static async Task<PolicyRow?> FindAsync(PortalDb db, ProjectId project, PolicyId id, CancellationToken cancellation) =>
        await db.Policies.FindAsync([id], cancellation).ConfigureAwait(false) is { } policy
            && (policy.Project is null || policy.Project == project)
            ? policy : null;

    static async Task<Refusal?> FaultAsync(
        PortalDb db, ProjectId project, PolicyRow? own, string name, PolicyRules rules, CancellationToken cancellation)
    {
        if (name.Length is 0 or > NameMax || name.Any(char.IsControl) || name.Trim() != name)
            return Refusal.Invalid("name", $"a policy's name has 1 to {NameMax} characters, on one line, with no spaces around");
        if (PolicyFaults.Of(rules) is [var fault, ..]) return Refusal.Invalid(fault.Field, $"it {fault.Problem}");
        if (await WebhookRoutes.MissingAsync(db, project, rules.Notification?.Webhooks ?? [], cancellation)
            .ConfigureAwait(false) is { } missing)
            return Refusal.Invalid("notification.webhooks", $"it names {missing}, and the project has no such webhook");
        return own?.Name == name ? null : await NamesakeAsync(db, project, own?.Id, name, cancellation).ConfigureAwait(false) switch
        {
            null => null,
            { IsSystemDefault: true } of => Refusal.Conflict("name-taken", $"the system has a policy {of.Name}: choose another name"),
            var of => Refusal.Conflict("name-taken", $"there is a policy {of.Name} already"),
        };
    }

    // People choose policies by name, among the project's and the system's, and do not tell them apart by capitals.
    static async Task<PolicyRow?> NamesakeAsync(PortalDb db, ProjectId project, PolicyId? own, string name,
        CancellationToken cancellation)
    {
        var others = await db.Policies.Where(other => (other.Project == null || other.Project == project) && other.Id != own)
            .ToListAsync(cancellation).ConfigureAwait(false);
        return others.Find(other => other.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
    }
}
