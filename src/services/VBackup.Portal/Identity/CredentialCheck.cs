using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <summary>Looks at a name and a password: slowly, equally slowly for names that there are not, and only so often. Thread-safe.</summary>
sealed class CredentialCheck(IDbContextFactory<PortalDb> databases, Passwords passwords, SignInThrottle throttle, ApiChanges changes)
{
    public static Problem Wrong { get; } = new(ProblemCode.WrongCredentials, "There is no such user, or the password is another one.");

    /// <returns>The user as he was when he was looked at, or why not.</returns>
    public async Task<(User? User, Problem? Refusal)> LookAsync(HttpContext http, string? name, string? password)
    {
        if (Input.LowerCaseName("user", name) is { } wrongName) return (null, wrongName);
        if (password is not { Length: >= 1 and <= Passwords.LengthMax })
            return (null, Problem.Wrong("password", $"It has 1 to {Passwords.LengthMax} letters."));
        var address = http.Connection.RemoteIpAddress;
        if (throttle.Begin(name!, address) is { } pause)
            return (null, new(ProblemCode.TooManyRequests, "Too many sign-ins have failed.", RetryAfter: pause));
        var db = await databases.CreateDbContextAsync(http.RequestAborted).ConfigureAwait(false);
        await using var closing = db.ConfigureAwait(false);
        var user = await db.Set<User>().AsNoTracking().SingleOrDefaultAsync(one => one.Name == name, http.RequestAborted)
            .ConfigureAwait(false);
        if (!passwords.AreRight(user, password) || user!.IsDisabled)
        {
            await changes.MakeAsync(http, change =>
            {
                change.Audit(null, user?.Id, name!, "signIn", $"user {name}", AuditOutcome.Refused);
                return Task.FromResult<IResult>(Wrong);
            }).ConfigureAwait(false);
            return (null, Wrong);
        }
        throttle.Succeed(name!, address);
        return (user, null);
    }
}
