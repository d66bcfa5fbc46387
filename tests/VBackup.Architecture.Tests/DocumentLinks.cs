using System.Text.RegularExpressions;

namespace VBackup.Architecture.Tests;

/// <summary>Links of Markdown pages that lead nowhere. Addresses outside of the project are not followed.</summary>
static partial class DocumentLinks
{
    /// <param name="page">The page whose links are looked at.</param>
    /// <param name="find">A file of the project by its path, null when there is none; a folder is a file without text.</param>
    public static IEnumerable<string> Broken(TextFile page, Func<string, TextFile?> find)
    {
        var prose = CodeSpan().Replace(CodeFence().Replace(page.Text, ""), "");
        foreach (var link in Link().Matches(prose).Select(match => match.Groups["to"].Value))
        {
            if (link.Contains("://", StringComparison.Ordinal) || link.StartsWith("mailto:", StringComparison.Ordinal))
                continue;
            var parts = link.Split('#', 2);
            var target = parts[0].Length == 0 ? page : find(Resolve(page.Path, parts[0]));
            if (target is null) yield return $"{page.Path}: {link} is not there";
            else if (parts.Length == 2 && !Anchors(target).Contains(parts[1]))
                yield return $"{page.Path}: {link} names a heading that is not there";
        }
    }

    static string Resolve(string page, string link)
    {
        var parts = new List<string>((Path.GetDirectoryName(page) ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries));
        foreach (var part in link.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0) return "outside of the project";
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".") parts.Add(part);
        }
        return string.Join('/', parts);
    }

    // As code hosts make them: lower case, blanks become dashes, punctuation goes.
    static HashSet<string> Anchors(TextFile page) => Heading().Matches(CodeFence().Replace(page.Text, ""))
        .Select(match => NotInAnchor().Replace(match.Groups["title"].Value.ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet();

    [GeneratedRegex(@"\]\((?<to>[^)\s]+)(\s+""[^""]*"")?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^#{1,6}\s+(?<title>.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeFence();

    [GeneratedRegex(@"`[^`\n]*`")]
    private static partial Regex CodeSpan();
}
