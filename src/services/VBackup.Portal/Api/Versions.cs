using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Api;

/// <summary>A thing's version, as its ETag: whoever changes it says which he read, so that nobody undoes what he never saw.</summary>
static class Versions
{
    /// <summary>Sends it along with the answer.</summary>
    public static void Tell(HttpContext http, long version) => http.Response.Headers.ETag = Tag(version);

    /// <summary>The answer to who read a thing or changed it.</summary>
    public static IResult Ok<TView>(HttpContext http, Versioned<TView> thing)
    {
        Tell(http, thing.Version);
        return TypedResults.Ok(thing.View);
    }

    /// <summary>For an update. Null when the caller means the version that there is.</summary>
    public static Problem? Needed(HttpContext http, long version) => http.Request.Headers.IfMatch.Count == 0
        ? new(ProblemCode.VersionNeeded, "Send an If-Match header with the ETag that you read.", "If-Match")
        : Wanted(http, version);

    /// <summary>For what may be done without looking first. Null when the caller means the version that there is, or says
    /// nothing.</summary>
    public static Problem? Wanted(HttpContext http, long version)
    {
        var tags = http.Request.Headers.IfMatch;
        if (tags.Count == 0) return null;
        var good = tags.SelectMany(line => line!.Split(',')).Select(tag => tag.Trim()).Any(tag => tag == "*" || tag == Tag(version));
        return good ? null : Outdated;
    }

    /// <summary>For who changes what he saw in a page. Null when it is still so.</summary>
    public static Problem? Differs<T>(T seen, T now) => Equals(seen, now) ? null : Outdated with { Field = null };

    static Problem Outdated { get; } = new(ProblemCode.Outdated, "Read it again: it has another version now.", "If-Match");

    static string Tag(long version) => string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");
}
