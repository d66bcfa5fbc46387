using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Api;

/// <summary>A refusal, as <c>application/problem+json</c> (RFC 9457).</summary>
/// <param name="Detail">A sentence for people.</param>
/// <param name="Field">Where the input is wrong: a member of the body by its path, a parameter of the query, or a header.</param>
/// <param name="Permission">What is needed and not had: a permission's name, or "administrator".</param>
/// <param name="RetryAfter">When asking again is worth it.</param>
public sealed record Problem(ProblemCode Code, string Detail, string? Field = null, string? Permission = null,
    TimeSpan? RetryAfter = null) : IResult
{
    const int DetailLengthMax = 2000;

    public const string MediaType = "application/problem+json";

    public static Problem Wrong(string field, string detail) => new(ProblemCode.WrongInput, detail, field);

    public static Problem NoSuch(string kind) => new(ProblemCode.NotFound, $"There is no such {kind}.");

    public static Problem Taken(string kind, string name) => new(ProblemCode.NameTaken, $"There is a {kind} {name} already.", "name");

    /// <summary>What a use case answered.</summary>
    /// <param name="within">The member of the body that the use case was given, where it was not the whole.</param>
    public static Problem Of(Refusal refusal, string? within = null) => refusal.Kind switch
    {
        RefusalKind.Invalid => Wrong(within is null ? refusal.Field ?? "body" : $"{within}.{refusal.Field}", Sentence.Of(refusal.Message)),
        RefusalKind.NotFound => new(ProblemCode.NotFound, Sentence.Of(refusal.Message)),
        RefusalKind.Conflict => new(ProblemCode.Named(refusal.Code), Sentence.Of(refusal.Message), refusal.Field),
        _ => throw new InvalidOperationException($"Nobody says how to answer {refusal}."),
    };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Code.Status;
        if (RetryAfter is { } pause)
            response.Headers[HeaderNames.RetryAfter] = Math.Max(1, (long)Math.Ceiling(pause.TotalSeconds))
                .ToString(CultureInfo.InvariantCulture);
        // Many tell what was sent, however long that was.
        var detail = Detail.Length <= DetailLengthMax ? Detail : Detail[..DetailLengthMax] + "…";
        var body = new ProblemBody(Code.Title, Code.Status, detail, Code.Text, Field, Permission);
        await response.WriteAsJsonAsync(body, ApiJson.Problems, MediaType, httpContext.RequestAborted).ConfigureAwait(false);
    }
}

/// <summary>What is sent of a <see cref="Problem"/>.</summary>
public sealed record ProblemBody(string Title, int Status, string Detail, string Code, string? Field, string? Permission);
