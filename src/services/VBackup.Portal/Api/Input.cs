using System.Text.RegularExpressions;

namespace VBackup.Portal.Api;

/// <summary>What is asked of input; each answers null when it is good.</summary>
static partial class Input
{
    public const int NameLengthMax = 64;
    public const int TextLengthMax = 200;

    /// <summary>Names of users and projects, which people type and scripts compare.</summary>
    public static Problem? LowerCaseName(string field, string? name) => name is not null && LowerCase().IsMatch(name)
        ? null : Problem.Wrong(field,
            $"It has 1 to {NameLengthMax} lower-case letters, digits, '.', '_', '-' and '@', and begins with a letter or a digit.");

    /// <summary>Names of roles.</summary>
    public static Problem? Name(string field, string? name) => name is not null && AnyCase().IsMatch(name)
        ? null : Problem.Wrong(field,
            $"It has 1 to {NameLengthMax} letters, digits, '.', '_' and '-', and begins with a letter or a digit.");

    /// <summary>What people write for each other.</summary>
    public static Problem? Text(string field, string? text) =>
        text is { Length: >= 1 and <= TextLengthMax } && text.Trim() == text && OneLine.Is(text)
        ? null : Problem.Wrong(field, $"It has 1 to {TextLengthMax} letters, on one line, with no spaces around.");

    public static Problem? Present(string field, object? value) => value is not null ? null : Problem.Wrong(field, "It is needed.");

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._@-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex LowerCase();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex AnyCase();
}
