namespace VBackup.Portal;

/// <summary>A message that goes on in a log, or behind a colon, as a sentence of its own.</summary>
static class Sentence
{
    /// <summary>What begins with a name, such as that of a volume, begins with it as it is. REQUIRES: a name that could be taken for an
    /// ordinary word has one before it, as in <c>volume web</c>.</summary>
    public static string Of(string message)
    {
        if (message.Length == 0) return message;
        var first = message.AsSpan(0, message.IndexOf(' ', StringComparison.Ordinal) is var end and > 0 ? end : message.Length);
        var begin = IsWord(first) ? char.ToUpperInvariant(message[0]) : message[0];
        return $"{begin}{message[1..]}{(message.EndsWith('.') ? "" : ".")}";
    }

    static bool IsWord(ReadOnlySpan<char> text)
    {
        foreach (var letter in text.TrimEnd(",;.!?"))
            if (!char.IsAsciiLetterLower(letter)) return false;
        return true;
    }
}
