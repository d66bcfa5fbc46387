using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Web.Visiting;

/// <summary>
/// One person at one open page. Whatever he asks goes through here: his session and his role are read anew each time, so that what was
/// taken from him is gone at once, though his page stays open.
/// </summary>
sealed partial class Visit(AuthenticationStateProvider states, Here here, CallerSearch callers, ApiChanges changes,
    IDbContextFactory<PortalDb> databases, ILogger<Visit> log) : IDisposable
{
    readonly CancellationTokenSource _left = new();

    /// <summary>The page was closed.</summary>
    public CancellationToken Left => _left.Token;

    /// <summary>Who he was found to be last; null before anything was asked.</summary>
    public Caller? Caller { get; private set; }

    /// <summary>For what is shown to him. What he does is looked at when he does it.</summary>
    public bool May(Permission permission) => Caller?.May(permission) == true;

    public Task<Outcome<T>> ReadAsync<T>(Func<PortalDb, Caller, Task<Outcome<T>>> read) => GuardAsync<T>(async (caller, _) =>
    {
        var db = await databases.CreateDbContextAsync(Left);
        await using var closing = db;
        return await read(db, caller);
    });

    /// <param name="what">For whoever looks for a fault.</param>
    public Task<Outcome<T>> ChangeAsync<T>(string what, Func<ApiChange, Task<Outcome<T>>> change) => GuardAsync<T>((caller, address) =>
        changes.MakeAsync(new Asker(caller, address, what, Left), change));

    async Task<Outcome<T>> GuardAsync<T>(Func<Caller, string, Task<Outcome<T>>> ask)
    {
        try
        {
            if (SessionCookie.Read((await states.GetAuthenticationStateAsync()).User) is not var (token, address)
                || await callers.FindAgainAsync(token, Left) is not { } caller)
            {
                here.GoToSignIn();
                return new Problem(ProblemCode.WrongCredentials, "Your session is over: sign in again.");
            }
            Caller = caller;
            if (caller.Project is null) return new Problem(ProblemCode.PermissionNeeded, "You are in no project: choose one above.");
            return await ask(caller, address);
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !Left.IsCancellationRequested)
        {
            // A crash boundary, as the API has one: what failed is told, and the page stays.
            LogFault(log, fault);
            return new Problem(ProblemCode.InternalError, "It was not carried out. What happened is in the log.");
        }
    }

    public void Dispose()
    {
        _left.Cancel();
        _left.Dispose();
    }

    [LoggerMessage(EventId = 4101, Level = LogLevel.Error, Message = "What a page asked for failed.")]
    static partial void LogFault(ILogger log, Exception fault);
}
