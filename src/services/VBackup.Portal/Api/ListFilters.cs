using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using VBackup.Contracts.Messages;
using VBackup.Primitives;

namespace VBackup.Portal.Api;

/// <summary>Reads the filters of one request for a list. What is not given is null; <see cref="Wrong"/> names the first that cannot be
/// read.</summary>
sealed partial class ListFilters
{
    public Problem? Wrong { get; private set; }

    public DateTimeOffset? Instant(string name, string? text) => text is null ? null
        : IsoDate().IsMatch(text)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? instant
        : Refuse<DateTimeOffset>(name, "It is an instant of ISO 8601, such as 2026-03-01T12:00:00Z.");

    public TId? Id<TId>(string name, string? text) where TId : struct, IUniqueId<TId> => text is null ? null
        : Guid.TryParse(text, out var id) ? TId.From(id) : Refuse<TId>(name, "It is an id.");

    public bool? Flag(string name, string? text) => text switch
    {
        null => null,
        "true" => true,
        "false" => false,
        _ => Refuse<bool>(name, "It is true or false."),
    };

    /// <summary>Of an enumeration whose values have names in JSON.</summary>
    public TEnum? OneOf<TEnum>(string name, string? text) where TEnum : struct, Enum
    {
        if (text is null) return null;
        var known = Enum.GetValues<TEnum>().ToDictionary(one => JsonSerializer.SerializeToElement(one).GetString()!,
            StringComparer.Ordinal);
        return OneOf(name, text, known.Keys) is { } one ? known[one] : null;
    }

    /// <param name="known">All that it may be.</param>
    public string? OneOf(string name, string? text, IReadOnlyCollection<string> known)
    {
        if (text is null || known.Contains(text)) return text;
        Wrong ??= Problem.Wrong(name, $"It is one of {string.Join(", ", known)}.");
        return null;
    }

    /// <summary>As <c>REGION/ID</c>.</summary>
    public ServerRef? Server(string name, string? text)
    {
        if (text is null) return null;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0 && slash < text.Length - 1) return new(text[..slash], text[(slash + 1)..]);
        Wrong ??= Problem.Wrong(name, "It is a region and the server's id: REGION/ID.");
        return null;
    }

    // The reader knows others, whose months nobody can tell from their days.
    [GeneratedRegex(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T|\z)", RegexOptions.CultureInvariant)]
    private static partial Regex IsoDate();

    T? Refuse<T>(string name, string detail) where T : struct
    {
        Wrong ??= Problem.Wrong(name, detail);
        return null;
    }
}
