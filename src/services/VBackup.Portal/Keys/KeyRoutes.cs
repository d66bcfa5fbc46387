using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Contracts.Keys;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Keys;

/// <param name="Project">The project's name, so that nobody erases another one's unawares.</param>
public sealed record EraseKeyRequest([property: Required] string? Project);

/// <param name="RecoveryKey">Its line, as a key file holds it. It is told in this answer only.</param>
/// <param name="Meaning">What whoever has it can do.</param>
public sealed record RecoveryKeyView(string RecoveryKey, string Meaning)
{
    // It may end in a log, and the key must not.
    public override string ToString() => "a recovery key";
}

/// <param name="Meaning">What erasing does not reach.</param>
public sealed record ErasedKeyView(ProjectKeyView Key, string Meaning);

/// <summary>The key of the caller's project: everything that the project stores is locked with it. The vBackup service has it.</summary>
static class KeyRoutes
{
    const string RecoveryMeaning = "Whoever has this key and can read a location of the project can read every point in it. It opens "
        + "the vaults until the project's key is rotated or erased, 'vbackup recover' builds a lost system again with it, and it is not "
        + "told again: print it and lock it away.";
    const string ErasureMeaning = "The vaults' key slots are being deleted. What erasing does not reach: copies of those slots (an old "
        + "version of the bucket, a backup of it) together with a recovery key that was handed out, and backups of the service's database "
        + "together with the master key of then. The stored bytes stay in the locations until somebody deletes them.";

    public static void Map(RouteGroupBuilder api)
    {
        var key = api.MapGroup("/key");
        key.MapGet("", Get).Needs(Permission.ManageAccess).Produces<ProjectKeyView>()
            .WithSummary("Tell what can be told of the project's key, and which vaults have still to hear of the last change");
        key.MapPost("/rotate", Rotate).Needs(Permission.ManageAccess).Produces<ProjectKeyView>(StatusCodes.Status202Accepted)
            .WithSummary("Replace the project's key; its vaults open with the new one from one to the next");
        key.MapPost("/recovery", HandOut).Needs(Permission.ManageAccess).Produces<RecoveryKeyView>()
            .WithSummary("Tell the project's key, to be locked away: with it and the locations a lost system is built again");
        key.MapPost("/erase", Erase).Needs(Permission.ManageAccess).Produces<ErasedKeyView>(StatusCodes.Status202Accepted)
            .WithSummary("Erase the project's key for ever: nobody can restore its points any more");
    }

    static async Task<IResult> Get(HttpContext http, IProjectKeys keys)
    {
        var view = await keys.GetAsync(http.Caller().InProject, http.RequestAborted).ConfigureAwait(false);
        Versions.Tell(http, view.Number);
        return TypedResults.Ok(view);
    }

    static async Task<IResult> Rotate(HttpContext http, ApiChanges changes, IProjectKeys keys)
    {
        // The same when this is run again: the service replaces a key once.
        var before = await keys.GetAsync(http.Caller().InProject, http.RequestAborted).ConfigureAwait(false);
        if (Versions.Wanted(http, before.Number) is { } outdated) return outdated;
        return await changes.MakeAsync(http, async change =>
        {
            var answer = await keys.RotateAsync(change.Caller.InProject, before.Number, change.Cancellation).ConfigureAwait(false);
            if (answer.Key is not { } key) return ProblemOf(answer);
            change.Audit("rotateKey", $"key {key.Number} of project {change.Caller.ProjectName}");
            Versions.Tell(http, key.Number);
            return TypedResults.Accepted("/api/v1/key", key);
        }).ConfigureAwait(false);
    }

    // Whoever has found a program's token is not to leave with the key, or with nobody's data.
    static Problem? NeedsSession(HttpContext http) => http.Caller().IsSession ? null
        : new(ProblemCode.SessionNeeded, "A token for a program is not enough for this. Sign in for it.");

    static Task<IResult> HandOut(HttpContext http, ApiChanges changes, IProjectKeys keys) => changes.MakeAsync(http, async change =>
    {
        if (NeedsSession(http) is { } refused) return refused;
        var told = await keys.HandOutAsync(change.Caller.InProject, change.Cancellation).ConfigureAwait(false);
        if (told.Text is not { } text) return ProblemOf(told.Answer);
        change.Audit("handOutKey", $"key {told.Answer.Key!.Number} of project {change.Caller.ProjectName}");
        // No browser and no proxy is to keep it.
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new RecoveryKeyView(text, RecoveryMeaning));
    });

    static async Task<IResult> Erase(EraseKeyRequest request, HttpContext http, ApiChanges changes, IProjectKeys keys)
    {
        if (NeedsSession(http) is { } refused) return refused;
        var (project, name) = (http.Caller().InProject, http.Caller().ProjectName);
        if (request.Project != name)
            return Problem.Wrong("project", $"To erase the key of this project for ever, give its name, {name}.");
        // What cannot be undone leaves a line before it is done: the one behind it may get lost with this process.
        await changes.MakeAsync(http, change =>
        {
            change.Audit("askToEraseKey", $"project {name}");
            return Task.FromResult<IResult>(TypedResults.NoContent());
        }).ConfigureAwait(false);
        return await changes.MakeAsync(http, async change =>
        {
            var answer = await keys.EraseAsync(project, change.Cancellation).ConfigureAwait(false);
            if (answer.Key is not { } key) return ProblemOf(answer);
            change.Audit("eraseKey", $"key {key.Number} of project {name}");
            return TypedResults.Accepted("/api/v1/key", new ErasedKeyView(key, ErasureMeaning));
        }).ConfigureAwait(false);
    }

    static Problem ProblemOf(ProjectKeyAnswer answer) => Problem.Of(Refusal.Conflict(answer.Code!, answer.Reason!));
}
