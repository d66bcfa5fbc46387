using System.Text.RegularExpressions;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>Gives the long ids in a trace short names, in the order in which they come.</summary>
internal sealed partial class NameShortener
{
    private readonly Dictionary<string, string> _names = [];
    private readonly Dictionary<char, int> _counts = [];

    public string Shorten(string text) => Id().Replace(text, match =>
    {
        var id = match.Groups["id"].Value;
        var folder = match.Groups["folder"].Value;
        if (!_names.TryGetValue(id, out var name))
        {
            var letter = folder.Length == 0 ? 'x' : folder[0];
            _names.Add(id, name = $"{letter}{_counts[letter] = _counts.GetValueOrDefault(letter) + 1}");
        }
        return folder.Split('/')[0] + (folder.Length == 0 ? "" : "/") + name;
    });

    [GeneratedRegex("(?<folder>([a-z]+/)([0-9a-f]{2}/)?)?(?<id>[0-9a-f]{64}|[0-9a-f]{32})")]
    private static partial Regex Id();
}
