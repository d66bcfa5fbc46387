namespace VBackup.Portal.Policies;

/// <summary>The rules of a policy that name an instant. A run and its point carry them, and retention counts copies by them.</summary>
[Flags]
public enum RuleTags
{
    None = 0,
    Hourly = 1,
    Daily = 2,
    Weekly = 4,
    Monthly = 8,
}

/// <summary>Tags as they are written on points and in messages: names, the most frequent rule first.</summary>
public static class RuleTagNames
{
    /// <summary>Every single tag with its name. The names are persisted and never change.</summary>
    public static IReadOnlyList<(RuleTags Tag, string Name)> All { get; } =
    [
        (RuleTags.Hourly, "hourly"), (RuleTags.Daily, "daily"), (RuleTags.Weekly, "weekly"), (RuleTags.Monthly, "monthly"),
    ];

    public static IReadOnlyList<string> Of(RuleTags tags) => [.. All.Where(each => tags.HasFlag(each.Tag)).Select(each => each.Name)];

    /// <exception cref="FormatException">A name is none of the four: retention would count wrongly if it were passed over.</exception>
    public static RuleTags Parse(IEnumerable<string> names)
    {
        var tags = RuleTags.None;
        foreach (var name in names)
        {
            var (tag, _) = All.FirstOrDefault(each => each.Name == name);
            if (tag == RuleTags.None) throw new FormatException($"there is no rule called '{name}'");
            tags |= tag;
        }
        return tags;
    }
}
