using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace VBackup.Portal.Web.Parts;

/// <summary>Asks for a list as requests of the API do.</summary>
static class Asked
{
    /// <summary>More than most projects have: for choosing among them.</summary>
    public static IQueryCollection Many { get; } = For(("limit", "200"));

    /// <summary>What is null or empty is not asked for.</summary>
    public static IQueryCollection For(params IEnumerable<(string Name, string? Value)> parameters) => new QueryCollection(
        parameters.Where(one => !string.IsNullOrEmpty(one.Value))
            .ToDictionary(one => one.Name, one => new StringValues(one.Value), StringComparer.Ordinal));
}
