namespace VBackup.Cli.Terminal;

/// <summary>A word of a command that people are told to give.</summary>
static class ShellWord
{
    /// <summary>As a shell takes it for one word, whatever it holds.</summary>
    public static string Of(string text) =>
        text.Length > 0 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./:=@%+,".Contains(letter, StringComparison.Ordinal))
            ? text : $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'";
}
