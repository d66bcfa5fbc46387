using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Api;

/// <summary>How a list was asked for: <c>limit</c>, <c>cursor</c>, <c>sort</c> and the list's own filters.</summary>
/// <param name="After">The keys behind which the page begins.</param>
/// <param name="Filters">As text, so that a cursor is used with those that it was made for.</param>
sealed record ListQuery(int Limit, string Order, bool IsDescending, JsonElement? After, string Filters)
{
    public const int LimitDefault = 50;
    public const int LimitMax = 200;
    const int CursorLengthMax = 2000;

    /// <summary>What every list understands.</summary>
    public static IReadOnlyList<string> OfEveryList { get; } = ["limit", "cursor", "sort"];

    public static Problem WrongCursor { get; } =
        Problem.Wrong("cursor", "It is not one of this list, or was made for another order or other filters.");

    /// <summary>Opaque to clients. It grants nothing: whoever makes one up only begins elsewhere in what he may see anyway.</summary>
    public string CursorBehind(JsonElement keys) => Base64Url.EncodeToString(
        JsonSerializer.SerializeToUtf8Bytes(new Cursor { Order = Sort, Filters = Filters, Keys = keys }));

    string Sort => IsDescending ? "-" + Order : Order;

    /// <summary>One of the two is there. REQUIRES: no parameter is given that the list does not know, or twice.</summary>
    public static (ListQuery? Query, Problem? Refusal) Read(IQueryCollection query, ListParameters known, string orderDefault)
    {
        var limit = LimitDefault;
        if (query.ContainsKey("limit") && !(int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out limit)
            && limit is >= 1 and <= LimitMax))
            return (null, Problem.Wrong("limit", $"It is a number from 1 to {LimitMax}."));
        var sort = query.ContainsKey("sort") ? query["sort"].ToString() : orderDefault;
        if (!known.Orders.Contains(sort)) return (null, Problem.Wrong("sort", $"It is one of {string.Join(", ", known.Orders)}."));
        if (known.Filters.FirstOrDefault(name => !OneLine.Is(query[name].ToString())) is { } broken)
            return (null, Problem.Wrong(broken, "It is on one line, without control characters."));
        var filters = string.Join('&', known.Filters.Where(query.ContainsKey)
            .Select(name => $"{name}={Uri.EscapeDataString(query[name].ToString())}"));
        var asked = new ListQuery(limit, sort.TrimStart('-'), sort.StartsWith('-'), null, filters);
        if (!query.ContainsKey("cursor")) return (asked, null);
        return Open(query["cursor"].ToString()) is { } cursor && cursor.Order == sort && cursor.Filters == filters
            ? (asked with { After = cursor.Keys }, null) : (null, WrongCursor);
    }

    static Cursor? Open(string text)
    {
        if (text.Length > CursorLengthMax || !Base64Url.IsValid(text)) return null;
        try
        {
            return JsonSerializer.Deserialize<Cursor>(Base64Url.DecodeFromChars(text));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    sealed class Cursor
    {
        public required string Order { get; init; }
        public required string Filters { get; init; }
        public required JsonElement Keys { get; init; }
    }
}

/// <summary>Reads a request's parameters.</summary>
static class QueryParameters
{
    /// <summary>Null when it is not given.</summary>
    public static string? One(this IQueryCollection query, string name) => query.TryGetValue(name, out var values) ? values.ToString()
        : null;
}
