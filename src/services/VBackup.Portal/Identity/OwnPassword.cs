using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <param name="Password">The one that he has, which may be one that he was given.</param>
public sealed record OwnPasswordRequest([property: Required] string? User, [property: Required] string? Password,
    [property: Required] string? NewPassword);

/// <summary>A user chooses a password, by the API and in pages. The one that he has lets him in here, so it is done without a session,
/// which he may not get before. Thread-safe.</summary>
sealed class OwnPassword(ApiChanges changes, CredentialCheck check, Passwords passwords)
{
    public static void Map(RouteGroupBuilder api) => api.MapPut("/users/me/password", Handle).IsOpen()
        .Produces(StatusCodes.Status204NoContent).WithSummary("Choose a password; all of the user's sessions end");

    static async Task<IResult> Handle(OwnPasswordRequest request, HttpContext http, OwnPassword own) =>
        (await own.ChooseAsync(http, request).ConfigureAwait(false)).Answer(_ => TypedResults.NoContent());

    public async Task<Outcome<UserId>> ChooseAsync(HttpContext http, OwnPasswordRequest request)
    {
        var (seen, refusal) = await check.LookAsync(http, request.User, request.Password).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        if (Passwords.Refuses("newPassword", request.NewPassword, seen!.Name, request.Password) is { } wrong) return wrong;
        var hash = passwords.Hash(request.NewPassword!);
        return await changes.MakeAsync<UserId>(Asker.Of(http), async change =>
        {
            var user = await change.Db.Set<User>().SingleAsync(one => one.Id == seen.Id, change.Cancellation).ConfigureAwait(false);
            if (user.IsDisabled || user.Version != seen.Version) return CredentialCheck.Wrong;
            user.ChoosePassword(hash);
            await EndSessionsAsync(change, user).ConfigureAwait(false);
            change.Audit(null, user.Id, user.Name, "changePassword", $"user {user.Name}", AuditOutcome.Done);
            return user.Id;
        }).ConfigureAwait(false);
    }

    /// <summary>Whoever got into them by the password before is out.</summary>
    public static async Task EndSessionsAsync(ApiChange change, User user)
    {
        var sessions = await change.Db.Set<ApiToken>().Where(one => one.User == user.Id && one.IsSession && one.RevokedAt == null)
            .ToListAsync(change.Cancellation).ConfigureAwait(false);
        foreach (var session in sessions) session.Revoke(change.Now);
    }
}
