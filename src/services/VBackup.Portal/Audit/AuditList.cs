using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Audit;

public sealed record AuditView(AuditEntryId Id, DateTimeOffset At, ProjectId? Project, string Who, string Action, string Target,
    AuditOutcome Outcome, string Address);

/// <summary>What was changed: in the caller's project, or, for an administrator, everywhere.</summary>
static class AuditList
{
    static readonly Listing<AuditEntry> s_list = new("-at",
        [new ListOrder<AuditEntry, AuditEntryId, AuditEntryId>("at", one => one.Id, one => one.Id)], "who", "action", "since", "until");

    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/audit", OfProject).Needs(Permission.ListHistory).Lists(s_list).Produces<Page<AuditView>>()
            .WithSummary("List what was changed in the project");
        api.MapGet("/system/audit", OfSystem).NeedsAdministrator().Lists(s_list).Produces<Page<AuditView>>()
            .WithSummary("List what was changed anywhere, and sign-ins that failed");
    }

    static Task<IResult> OfProject(HttpContext http, PortalDb db, string? who, string? action, string? since, string? until)
    {
        ProjectId? project = http.Caller().InProject;
        return AnswerAsync(http, db.Set<AuditEntry>().Where(one => one.Project == project), who, action, since, until);
    }

    static Task<IResult> OfSystem(HttpContext http, PortalDb db, string? who, string? action, string? since, string? until) =>
        AnswerAsync(http, db.Set<AuditEntry>(), who, action, since, until);

    static async Task<IResult> AnswerAsync(HttpContext http, IQueryable<AuditEntry> rows, string? who, string? action, string? since,
        string? until)
    {
        rows = rows.AsNoTracking().Where(one => (who == null || one.Who == who) && (action == null || one.Action == action));
        var filters = new ListFilters();
        var (from, to) = (filters.Instant("since", since), filters.Instant("until", until));
        if (filters.Wrong is { } wrong) return wrong;
        if (from is not null) rows = rows.Where(one => one.At >= from);
        if (to is not null) rows = rows.Where(one => one.At < to);
        return await s_list.AnswerAsync(http, rows, View).ConfigureAwait(false);
    }

    static AuditView View(AuditEntry entry) =>
        new(entry.Id, entry.At, entry.Project, entry.Who, entry.Action, entry.Target, entry.Outcome, entry.Address);
}
