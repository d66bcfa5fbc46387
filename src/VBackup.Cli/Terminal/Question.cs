namespace VBackup.Cli.Terminal;

/// <summary>Asks somebody at a terminal what is not secret.</summary>
static class Question
{
    /// <param name="instead">What to do where there is no terminal.</param>
    /// <exception cref="UsageException">There is none.</exception>
    public static async Task<string> AskAsync(string prompt, string instead, CancellationToken cancellation)
    {
        if (Console.IsInputRedirected || Console.IsErrorRedirected) throw new UsageException($"there is no terminal to ask at: {instead}");
        await Console.Error.WriteAsync($"{prompt}: ".AsMemory(), cancellation).ConfigureAwait(false);
        // A line that nobody ends cannot be waited for any other way.
        return (await Task.Run(Console.ReadLine, CancellationToken.None).WaitAsync(cancellation).ConfigureAwait(false))?.Trim() ?? "";
    }
}
