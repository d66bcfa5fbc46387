using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using VBackup.Platform.Databases;
using JsonOptions = Microsoft.AspNetCore.Http.Json.JsonOptions;

namespace VBackup.Portal.Api;

/// <summary>What came of a creation.</summary>
public abstract record Creation
{
    Creation() { }

    /// <param name="Location">Where the new thing is.</param>
    /// <param name="View">The answer.</param>
    /// <param name="Later">The answer to whoever asks again with the same key, where some of <paramref name="View"/> is told only
    /// once.</param>
    /// <param name="Version">For its ETag.</param>
    /// <param name="GoesOn">It takes its time: what is at <paramref name="Location"/> says how far it is.</param>
    public sealed record Made(string Location, object View, object? Later = null, long? Version = null, bool GoesOn = false) : Creation;

    public sealed record Refused(Problem Problem) : Creation;

    public static implicit operator Creation(Problem problem) => new Refused(problem);

    public static Creation FromProblem(Problem problem) => problem;
}

/// <summary>Makes the changes that requests and pages ask for. Thread-safe.</summary>
public sealed class ApiChanges(ChangeMaker<PortalDb> changes, IOptions<JsonOptions> json)
{
    public const string KeyHeader = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";
    const int KeyLengthMax = 100;

    /// <param name="change">Run again when others were faster with the same rows, so it does nothing but look at and change the database.
    /// What it did before it answers with a <see cref="Problem"/> is not saved.</param>
    public Task<IResult> MakeAsync(HttpContext http, Func<ApiChange, Task<IResult>> change) =>
        MakeAsync(Asker.Of(http), change, result => result is Problem);

    /// <param name="change">As of the other.</param>
    public Task<Outcome<T>> MakeAsync<T>(Asker asker, Func<ApiChange, Task<Outcome<T>>> change) =>
        MakeAsync(asker, change, outcome => outcome.Problem is not null);

    Task<TResult> MakeAsync<TResult>(Asker asker, Func<ApiChange, Task<TResult>> change, Func<TResult, bool> isRefused) =>
        changes.MakeAsync(async made =>
    {
        var asked = new ApiChange(made, asker);
        var result = await change(asked).ConfigureAwait(false);
        asked.Close(isRefused(result));
        return result;
    }, asker.Cancellation);

    /// <summary>Makes a thing, once for each <c>Idempotency-Key</c>.</summary>
    /// <param name="request">The body as it was understood.</param>
    /// <param name="create">As of <see cref="MakeAsync"/>.</param>
    public async Task<IResult> CreateAsync<TRequest>(HttpContext http, TRequest request, Func<ApiChange, Task<Creation>> create)
    {
        var keys = http.Request.Headers[KeyHeader];
        var key = keys.ToString();
        // One that is empty comes from whoever meant to give one.
        if (keys.Count > 1 || (keys.Count == 1 && key.Length == 0) || key.Length > KeyLengthMax
            || key.Any(letter => letter is <= ' ' or > '~'))
            return Problem.Wrong(KeyHeader, $"It is one, of 1 to {KeyLengthMax} visible letters of ASCII.");
        var digest = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request, json.Value.SerializerOptions));
        return await MakeAsync(http, async change =>
        {
            if (key.Length == 0) return Answer(await create(change).ConfigureAwait(false));
            return await OnceAsync(change, http, key, digest, create).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    async Task<IResult> OnceAsync(ApiChange change, HttpContext http, string key, byte[] digest, Func<ApiChange, Task<Creation>> create)
    {
        var caller = $"{change.Caller.User}/{change.Caller.Project}";
        var route = $"{http.Request.Method} {http.Request.Path}";
        var tooOld = change.Now - RememberedCreation.Kept;
        await change.Db.Set<RememberedCreation>().Where(one => one.At <= tooOld).ExecuteDeleteAsync(change.Cancellation)
            .ConfigureAwait(false);
        var known = await change.Db.Set<RememberedCreation>().AsNoTracking()
            .SingleOrDefaultAsync(one => one.Caller == caller && one.Route == route && one.Key == key, change.Cancellation)
                .ConfigureAwait(false);
        if (known is not null)
        {
            if (!CryptographicOperations.FixedTimeEquals(known.RequestDigest, digest))
                return new Problem(ProblemCode.IdempotencyKeyReused,
                    "Within a day a key stands for one request. Take a new key for a new one.", KeyHeader);
            return Unchanged(change, new CreatedAnswer(known.Location, known.Body, known.ThingVersion, known.GoesOn, true));
        }
        var creation = await create(change).ConfigureAwait(false);
        if (creation is Creation.Made made)
        {
            var kept = JsonSerializer.SerializeToUtf8Bytes(made.Later ?? made.View, json.Value.SerializerOptions);
            change.Db.Add(new RememberedCreation(caller, route, key, digest, made.Location, kept, made.Version, made.GoesOn, change.Now));
        }
        return Answer(creation);
    }

    /// <summary>Nothing was changed, so there is nothing to audit.</summary>
    static CreatedAnswer Unchanged(ApiChange change, CreatedAnswer answer)
    {
        change.LeaveAll();
        return answer;
    }

    IResult Answer(Creation creation) => creation switch
    {
        Creation.Refused(var problem) => problem,
        Creation.Made made => new CreatedAnswer(
            made.Location, JsonSerializer.SerializeToUtf8Bytes(made.View, json.Value.SerializerOptions), made.Version, made.GoesOn, false),
        _ => throw new InvalidOperationException($"Nobody says how to answer {creation}."),
    };

    sealed record CreatedAnswer(string Location, byte[] Body, long? Version, bool GoesOn, bool IsReplayed) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = GoesOn ? StatusCodes.Status202Accepted : StatusCodes.Status201Created;
            response.Headers.Location = Location;
            response.ContentType = "application/json; charset=utf-8";
            if (Version is { } version) Versions.Tell(httpContext, version);
            if (IsReplayed) response.Headers[ReplayedHeader] = "true";
            await response.Body.WriteAsync(Body, httpContext.RequestAborted).ConfigureAwait(false);
        }
    }
}
