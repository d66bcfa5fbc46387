using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Policies;

/// <param name="IsSystemDefault">Every project may use it, and nobody changes it.</param>
public sealed record PolicyView(PolicyId Id, string Name, bool IsSystemDefault, PolicyRules Rules);

/// <summary>What is asked of policies, by the API and in pages. Each looks for the permission that it takes.</summary>
static class PolicyRequests
{
    public static Listing<PolicyRow> List { get; } = new("name",
        [
            new ListOrder<PolicyRow, string, PolicyId>("name", one => one.Name, one => one.Id),
            new ListOrder<PolicyRow, PolicyId, PolicyId>("createdAt", one => one.Id, one => one.Id),
        ], "name");

    /// <summary>Those of the project and of the system.</summary>
    public static async Task<Outcome<Page<PolicyView>>> ListAsync(PortalDb db, Caller caller, IQueryCollection query,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.ListPolicy) is { } lacks) return lacks;
        var (project, name) = (caller.InProject, query.One("name"));
        return await List.PageAsync(query, db.Policies.AsNoTracking().Where(one =>
            (one.Project == null || one.Project == project) && (name == null || one.Name == name)), View, cancellation)
                .ConfigureAwait(false);
    }

    public static async Task<Outcome<Versioned<PolicyView>>> GetAsync(PortalDb db, Caller caller, PolicyId id,
        CancellationToken cancellation)
    {
        if (caller.Lacks(Permission.GetPolicy) is { } lacks) return lacks;
        return await PolicyUse.FindAsync(db, caller.InProject, id, cancellation).ConfigureAwait(false) is { } policy
            ? Told(policy) : Problem.NoSuch("policy");
    }

    public static async Task<Outcome<Versioned<PolicyView>>> CreateAsync(ApiChange change, string name, PolicyRules rules)
    {
        if (change.Caller.Lacks(Permission.CreatePolicy) is { } lacks) return lacks;
        var made = await PolicyUse.CreateAsync(change.Change, change.Caller.InProject, name, rules, change.Cancellation)
            .ConfigureAwait(false);
        if (made.Refusal is { } refusal) return ProblemOf(refusal);
        change.Audit("createPolicy", $"policy {made.Value.Name}");
        return Told(made.Value);
    }

    /// <param name="outdated">Looks at the version that there is.</param>
    public static async Task<Outcome<Versioned<PolicyView>>> ChangeAsync(
        ApiChange change, PolicyId id, string name, PolicyRules rules, Func<long, Problem?> outdated)
    {
        if (change.Caller.Lacks(Permission.UpdatePolicy) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await PolicyUse.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } policy)
            return Problem.NoSuch("policy");
        if (outdated(policy.Version) is { } problem) return problem;
        var changed = await PolicyUse.ChangeAsync(change.Change, project, id, name, rules, change.Cancellation).ConfigureAwait(false);
        if (changed.Refusal is { } refusal) return ProblemOf(refusal);
        change.Audit("updatePolicy", $"policy {policy.Name}");
        return Told(policy);
    }

    /// <inheritdoc cref="ChangeAsync"/>
    public static async Task<Outcome<PolicyId>> DeleteAsync(ApiChange change, PolicyId id, Func<long, Problem?> outdated)
    {
        if (change.Caller.Lacks(Permission.DeletePolicy) is { } lacks) return lacks;
        var project = change.Caller.InProject;
        if (await PolicyUse.FindAsync(change.Db, project, id, change.Cancellation).ConfigureAwait(false) is not { } policy)
            return Problem.NoSuch("policy");
        if (outdated(policy.Version) is { } problem) return problem;
        if ((await PolicyUse.DeleteAsync(change.Change, project, id, change.Cancellation).ConfigureAwait(false)).Refusal is { } refusal)
            return ProblemOf(refusal);
        change.Audit("deletePolicy", $"policy {policy.Name}");
        return id;
    }

    /// <summary>Faults of the rules are named as their own members; those of the whole are of all rules.</summary>
    static Problem ProblemOf(Refusal refusal) => refusal switch
    {
        { Kind: RefusalKind.Invalid, Field: "policy" } => Problem.Of(refusal with { Field = "rules" }),
        { Kind: RefusalKind.Invalid, Field: not "name" } => Problem.Of(refusal, "rules"),
        _ => Problem.Of(refusal),
    };

    static Versioned<PolicyView> Told(PolicyRow policy) => new(View(policy), policy.Version);

    static PolicyView View(PolicyRow policy) => new(policy.Id, policy.Name, policy.IsSystemDefault, policy.Rules);
}
