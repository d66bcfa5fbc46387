using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using VBackup.Platform.Messaging;
using VBackup.Portal.Api;

namespace VBackup.Portal.DeadMessages;

/// <param name="Count">Null where the place cannot be looked at now.</param>
/// <param name="Error">Why.</param>
public sealed record DeadPlaceView(string Place, long? Count, string? Error);

public sealed record DeadPlacesView(IReadOnlyList<DeadPlaceView> Places);

/// <param name="To">Null, as the two that follow, where the message does not say.</param>
/// <param name="DiedAt">Null where nobody has noted it.</param>
public sealed record DeadMessageView(string Id, string? To, string? Name, DateTimeOffset? SentAt, DateTimeOffset? NotAfter, int Attempts,
    string Reason, DateTimeOffset? DiedAt);

/// <summary>Messages between the services that were given up: administrators look at them, and have them sent again or dropped. What is in
/// them is of all projects, and is not shown.</summary>
static class DeadMessageRoutes
{
    public static void Map(RouteGroupBuilder api)
    {
        var dead = api.MapGroup("/dead-messages");
        dead.MapGet("", Places).NeedsAdministrator().Produces<DeadPlacesView>()
            .WithSummary("List where messages between the services are kept that were given up, and how many");
        dead.MapGet("/{place}", List).NeedsAdministrator().Produces<Page<DeadMessageView>>()
            .WithSummary("List those of one place");
        dead.MapPost("/{place}/{id}/requeue", Requeue).NeedsAdministrator().Produces(StatusCodes.Status204NoContent)
            .WithSummary("Send one again, as if it was new; after its own time it is still not carried out");
        dead.MapDelete("/{place}/{id}", Drop).NeedsAdministrator().Produces(StatusCodes.Status204NoContent)
            .WithSummary("Drop one for good");
    }

    static async Task<IResult> Places(HttpContext http, IEnumerable<IDeadLetters> places)
    {
        var views = new List<DeadPlaceView>();
        foreach (var place in places)
        {
            try
            {
                views.Add(new(place.Place, await place.CountAsync(http.RequestAborted).ConfigureAwait(false), null));
            }
            catch (TransportDownException down)
            {
                // The other places are there all the same.
                views.Add(new(place.Place, null, down.Message));
            }
        }
        return TypedResults.Ok(new DeadPlacesView(views));
    }

    static Task<IResult> List(string place, int? limit, string? cursor, HttpContext http, IEnumerable<IDeadLetters> places)
    {
        if (limit is < 1 or > ListQuery.LimitMax)
            return Task.FromResult<IResult>(Problem.Wrong("limit", $"It is a number from 1 to {ListQuery.LimitMax}."));
        return AtAsync(place, places, async letters =>
        {
            var page = await letters.ListAsync(cursor, limit ?? ListQuery.LimitDefault, http.RequestAborted).ConfigureAwait(false);
            return TypedResults.Ok(new Page<DeadMessageView>([.. page.Letters.Select(View)], page.Next));
        });
    }

    static Task<IResult> Requeue(string place, string id, HttpContext http, ApiChanges changes, IEnumerable<IDeadLetters> places) =>
        ActAsync("requeueMessage", place, id, http, changes, places, letters => letters.RequeueAsync(id, http.RequestAborted));

    static Task<IResult> Drop(string place, string id, HttpContext http, ApiChanges changes, IEnumerable<IDeadLetters> places) =>
        ActAsync("dropMessage", place, id, http, changes, places, letters => letters.DropAsync(id, http.RequestAborted));

    /// <summary>A broker takes part in no transaction of the Portal's: the line in the audit is written when it is done.</summary>
    static Task<IResult> ActAsync(string action, string place, string id, HttpContext http, ApiChanges changes,
        IEnumerable<IDeadLetters> places, Func<IDeadLetters, Task<bool>> act) => AtAsync(place, places, async letters =>
    {
        if (!await act(letters).ConfigureAwait(false)) return Problem.NoSuch("message");
        return await changes.MakeAsync(http, change =>
        {
            change.Audit(action, $"message {id} in {place}");
            return Task.FromResult<IResult>(TypedResults.NoContent());
        }).ConfigureAwait(false);
    });

    static async Task<IResult> AtAsync(string place, IEnumerable<IDeadLetters> places, Func<IDeadLetters, Task<IResult>> use)
    {
        if (places.FirstOrDefault(one => one.Place == place) is not { } letters) return Problem.NoSuch("place");
        try
        {
            return await use(letters).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is TransportDownException or MessageNotTakenException)
        {
            return new Problem(ProblemCode.BrokerUnavailable, Sentence.Of(failure.Message));
        }
    }

    static DeadMessageView View(DeadLetter letter) => new(letter.Id, letter.To, letter.Name, letter.SentAt, letter.NotAfter,
        letter.Attempts, letter.Reason, letter.DiedAt);
}
