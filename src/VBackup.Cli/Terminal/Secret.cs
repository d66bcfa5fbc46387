using System.Text;

namespace VBackup.Cli.Terminal;

/// <summary>Passwords and the like: from a file, or typed without being shown. Never from an argument, which others of the machine can
/// read.</summary>
static class Secret
{
    const int LengthMax = 4096;

    /// <summary>Reads a file's only line.</summary>
    public static async Task<string> ReadFileAsync(string path, string what, CancellationToken cancellation)
    {
        var file = await InputStream.OpenAsync(path, what, LengthMax, $"{what} is one short line", cancellation).ConfigureAwait(false);
        await using var closing = file.ConfigureAwait(false);
        using var reader = new StreamReader(file, Encoding.UTF8);
        // Editors end the line; the end is not part of the secret.
        var text = (await reader.ReadToEndAsync(cancellation).ConfigureAwait(false)).TrimEnd('\r', '\n');
        if (text.Length == 0) throw new RefusedException($"{path} is empty: it must hold {what}");
        return text.Contains('\n', StringComparison.Ordinal)
            ? throw new RefusedException($"{path} has several lines: it must hold {what} alone") : text;
    }

    /// <summary>Asks at the terminal.</summary>
    /// <param name="instead">What to do where there is none.</param>
    /// <exception cref="UsageException">There is no terminal.</exception>
    public static async Task<string> AskAsync(string prompt, string instead, CancellationToken cancellation)
    {
        if (Console.IsInputRedirected || Console.IsErrorRedirected) throw new UsageException($"there is no terminal to ask at: {instead}");
        // A key that nobody strikes cannot be waited for any other way.
        return await Task.Run(() => Type(prompt), CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false);
    }

    static string Type(string prompt)
    {
        Console.Error.Write($"{prompt}: ");
        var text = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace) text.Length = Math.Max(0, text.Length - 1);
            else if (!char.IsControl(key.KeyChar) && text.Length < LengthMax) text.Append(key.KeyChar);
        }
        Console.Error.WriteLine();
        return text.ToString();
    }
}
