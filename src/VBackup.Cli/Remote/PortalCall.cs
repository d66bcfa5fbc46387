using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>A command that asks the Portal: what it was called with, whom it asks, where it answers.</summary>
sealed record PortalCall(ParseResult Parsed, PortalClient Portal, Screen Screen, CancellationToken Stop)
{
    const string UrlVariable = "VBACKUP_URL";
    const string TokenVariable = "VBACKUP_TOKEN";

    /// <param name="symbols">Its arguments and options.</param>
    public static Command Define(string name, string description, Func<PortalCall, Task> handle, params IEnumerable<Symbol> symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        command.SetAction((parsed, stop) => RunAsync(parsed, handle, stop));
        return command;
    }

    public static async Task<int> RunAsync(ParseResult parsed, Func<PortalCall, Task> handle, CancellationToken stop)
    {
        var (url, token) = Choose(SignInFiles.OfThisUser());
        using var portal = new PortalClient(url, token, TimeProvider.System);
        await handle(new(parsed, portal, Screen.Of(parsed), stop)).ConfigureAwait(false);
        return ExitStatus.Done;
    }

    /// <summary>The Portal of the environment, or else the one that was signed in to last.</summary>
    public static PortalUrl? UrlOf(SignInFiles files) => Variable(UrlVariable) is { } url ? PortalUrl.Read(url) : files.FindCurrent();

    public T Get<T>(Argument<T> argument) => Parsed.GetRequiredValue(argument);

    public T? Get<T>(Option<T> option) => Parsed.GetValue(option);

    /// <summary>Shows a list to people.</summary>
    /// <param name="things">What it has none of, when it is empty.</param>
    public void Show(TextTable table, string things)
    {
        if (table.IsEmpty) Screen.Line($"there are no {things}");
        else Screen.Table(table);
    }

    static (PortalUrl Url, string Token) Choose(SignInFiles files)
    {
        if (Variable(TokenVariable) is { } token)
        {
            // A token is for one Portal, and is not sent to whichever happened to be signed in to.
            if (Variable(UrlVariable) is not { } named)
                throw new UsageException($"{TokenVariable} is set without {UrlVariable}: say which Portal it is for");
            return token.All(letter => letter is > ' ' and <= '~') ? (PortalUrl.Read(named), token)
                : throw new UsageException($"{TokenVariable} holds no token: it has letters that no token has");
        }
        if (UrlOf(files) is not { } url) throw new RefusedException("not signed in: 'vbackup login URL --user NAME' does it");
        return files.Find(url) is { } signIn ? (url, signIn.Token)
            : throw new RefusedException($"not signed in to {url}: 'vbackup login {url} --user NAME' does it");
    }

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
