using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

public sealed record ProjectRequest([property: Required] string? Name);

public sealed record ProjectView(ProjectId Id, string Name, DateTimeOffset CreatedAt);

/// <summary>The tenants. Users see those that they are in; an administrator sees all, makes and names them.</summary>
static class Projects
{
    static readonly Listing<Project> s_list = new("name",
        [
            new ListOrder<Project, string, ProjectId>("name", one => one.Name, one => one.Id),
            new ListOrder<Project, ProjectId, ProjectId>("createdAt", one => one.Id, one => one.Id),
        ], "name");

    public static void Map(RouteGroupBuilder api)
    {
        var projects = api.MapGroup("/projects");
        projects.MapGet("", List).NeedsSignIn().Lists(s_list).Produces<Page<ProjectView>>()
            .WithSummary("List the projects that the caller sees");
        projects.MapPost("", Create).NeedsAdministrator().Creates<ProjectView>()
            .WithSummary("Make a project; the caller becomes a member with full access");
        projects.MapGet("/{id:guid}", Get).NeedsSignIn().Produces<ProjectView>().WithSummary("Get a project");
        projects.MapPut("/{id:guid}", Rename).NeedsAdministrator().Updates<ProjectView>().WithSummary("Rename a project");
    }

    /// <summary>Names of those that the caller may work in: an administrator in any.</summary>
    public static Task<List<string>> NamesAsync(PortalDb db, Caller caller, CancellationToken cancellation) =>
        Visible(db, caller).OrderBy(one => one.Name).Select(one => one.Name).ToListAsync(cancellation);

    static IQueryable<Project> Visible(PortalDb db, Caller caller) => db.Set<Project>().AsNoTracking().Where(one =>
        caller.IsAdministrator || db.Set<Membership>().Any(member => member.Project == one.Id && member.User == caller.User));

    static Task<IResult> List(HttpContext http, PortalDb db, string? name) =>
        s_list.AnswerAsync(http, Visible(db, http.Caller()).Where(one => name == null || one.Name == name), View);

    static async Task<IResult> Get(Guid id, HttpContext http, PortalDb db)
    {
        var wanted = ProjectId.From(id);
        var project = await Visible(db, http.Caller()).SingleOrDefaultAsync(one => one.Id == wanted, http.RequestAborted)
            .ConfigureAwait(false);
        if (project is null) return Problem.NoSuch("project");
        Versions.Tell(http, project.Version);
        return TypedResults.Ok(View(project));
    }

    static async Task<IResult> Create(ProjectRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.LowerCaseName("name", request.Name) is { } wrong) return wrong;
        return await changes.CreateAsync(http, request, async change =>
        {
            var name = request.Name!;
            if (await IsTakenAsync(change, name).ConfigureAwait(false)) return Problem.Taken("project", name);
            var project = new Project(change.NewId<ProjectId>(), name, change.Now);
            change.Db.Add(project);
            change.Db.Add(new Membership(project.Id, change.Caller.User, BuiltInRoles.FullAccess));
            change.Audit("createProject", $"project {name}");
            return new Creation.Made($"/api/v1/projects/{project.Id}", View(project), Version: project.Version);
        }).ConfigureAwait(false);
    }

    static async Task<IResult> Rename(Guid id, ProjectRequest request, HttpContext http, ApiChanges changes)
    {
        if (Input.LowerCaseName("name", request.Name) is { } wrong) return wrong;
        return await changes.MakeAsync(http, async change =>
        {
            var name = request.Name!;
            var project = await change.Db.Set<Project>().FindAsync([ProjectId.From(id)], change.Cancellation).ConfigureAwait(false);
            if (project is null) return Problem.NoSuch("project");
            if (Versions.Needed(http, project.Version) is { } outdated) return outdated;
            if (name != project.Name && await IsTakenAsync(change, name).ConfigureAwait(false)) return Problem.Taken("project", name);
            change.Audit("renameProject", $"project {project.Name}: {name}");
            project.Rename(name);
            Versions.Tell(http, project.Version);
            return TypedResults.Ok(View(project));
        }).ConfigureAwait(false);
    }

    static Task<bool> IsTakenAsync(ApiChange change, string name) =>
        change.Db.Set<Project>().AnyAsync(one => one.Name == name, change.Cancellation);

    static ProjectView View(Project project) => new(project.Id, project.Name, project.CreatedAt);
}
