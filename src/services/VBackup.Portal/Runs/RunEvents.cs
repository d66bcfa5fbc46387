using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using VBackup.Contracts.Ids;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Runs;

/// <summary>A run's progress, for the API as server-sent events: how it is now, then whenever it has changed, until it is over.</summary>
static class RunEvents
{
    /// <summary>How often the database is asked.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>What has not changed is said again after so long, lest somebody between takes the connection for dead.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(15);

    /// <summary>Whoever wants more asks again, and has his token and his role looked at again.</summary>
    public static readonly TimeSpan DurationMax = TimeSpan.FromMinutes(15);

    static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(10);

    public static void Map(RouteGroupBuilder runs) => runs.MapGet("/{id:guid}/events", Follow).Needs(Permission.GetHistory)
        .Produces<RunView>(StatusCodes.Status200OK, "text/event-stream").WithSummary("Follow a run by server-sent events until it is over");

    static async Task<IResult> Follow(Guid id, HttpContext http, PortalDb db, IDbContextFactory<PortalDb> databases,
        RunFollowers followers, TimeProvider clock, IHostApplicationLifetime host) =>
        (await RunRequests.GetAsync(db, http.Caller(), RunId.From(id), http.RequestAborted).ConfigureAwait(false)).Answer(run =>
        {
            if (followers.Enter(http.Caller().User) is not { } place)
                return new Problem(ProblemCode.TooManyStreams, $"{RunFollowers.OfUserMax} runs are followed at once by this user: end one, "
                    + "or ask for the run now and then.", RetryAfter: s_retryAfter);
            http.Response.RegisterForDispose(place);
            return TypedResults.ServerSentEvents(FollowAsync(run.Id, databases, clock, host.ApplicationStopping, http.RequestAborted)
                .Select(now => new SseItem<RunView>(now, "run")));
        });

    /// <summary>REQUIRES: whoever follows may see the run.</summary>
    /// <param name="stopping">The host ends, and does not wait for the run: whoever follows asks again.</param>
    public static async IAsyncEnumerable<RunView> FollowAsync(RunId id, IDbContextFactory<PortalDb> databases, TimeProvider clock,
        CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Period, clock);
        var began = clock.GetTimestamp();
        var (toldAt, toldVersion) = (began, -1L);
        do
        {
            var run = await ReadAsync(id, databases, cancellation).ConfigureAwait(false);
            if (run.Version != toldVersion || run.IsOver || clock.GetElapsedTime(toldAt) >= SilenceMax)
            {
                (toldAt, toldVersion) = (clock.GetTimestamp(), run.Version);
                yield return RunView.Of(run);
            }
            if (run.IsOver || clock.GetElapsedTime(began) >= DurationMax) yield break;
        }
        while (await TickAsync(timer, stopping, cancellation).ConfigureAwait(false));
    }

    /// <returns>Whether there is a next look.</returns>
    static async Task<bool> TickAsync(PeriodicTimer timer, CancellationToken stopping, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancellation);
        try
        {
            return await timer.WaitForNextTickAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    static async Task<RunRow> ReadAsync(RunId id, IDbContextFactory<PortalDb> databases, CancellationToken cancellation)
    {
        var db = await databases.CreateDbContextAsync(cancellation).ConfigureAwait(false);
        await using var closing = db.ConfigureAwait(false);
        return await db.Runs.AsNoTracking().SingleAsync(one => one.Id == id, cancellation).ConfigureAwait(false);
    }
}
