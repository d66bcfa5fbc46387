using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VBackup.DataPath;

namespace VBackup.Cli.Terminal;

/// <summary>Runs what the command line says, and turns whatever goes wrong into one line and an exit status.</summary>
static class Invocation
{
    // Reads of local files block a thread each; what else is at work must not wait for the pool to grow.
    const int ThreadsBesideWorkers = 4;

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        ThreadPool.GetMinThreads(out var threads, out var completionThreads);
        ThreadPool.SetMinThreads(Math.Max(threads, new DataPathOptions().Workers + ThreadsBesideWorkers), completionThreads);
        root.Add(Screen.JsonOption);
        root.Add(Screen.VerboseOption);
        // No @files: a volume's path may start so.
        var parsed = root.Parse(args.Length == 0 ? ["--help"] : args, new() { ResponseFileTokenReplacer = null });
        var screen = Screen.Of(parsed);
        using var stop = new StopSignals();
        try
        {
            if (parsed.Errors.Count > 0)
                // A word that is no command is the better explanation of a command that is missing.
                throw new UsageException(parsed.UnmatchedTokens is [var stranger, ..]
                    ? $"'{stranger}' is not understood (see 'vbackup{PathOf(parsed)} --help')"
                    : $"{TextOf(parsed.Errors[0])} (see 'vbackup{PathOf(parsed)} --help')");
            RefuseEmptyArguments(parsed);
            var status = await parsed.InvokeAsync(
                new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token).ConfigureAwait(false);
            return screen.End(status);
        }
        catch (Exception failure)
        {
            // The crash boundary of the program: everything that nobody could handle ends here, and is told.
            return screen.Fail(Failure.Of(failure, stop.Token.IsCancellationRequested));
        }
    }

    // The parser would name a type of ours.
    static string TextOf(ParseError error) =>
        error.SymbolResult is OptionResult { Tokens: [var given] } number && (Nullable.GetUnderlyingType(number.Option.ValueType)
            ?? number.Option.ValueType) == typeof(int) && !int.TryParse(given.Value, CultureInfo.InvariantCulture, out _)
            ? $"{number.Option.Name} {given.Value} is not a whole number of at most {int.MaxValue}" : error.Message;

    // Such as an unset variable of a script leaves. There is no path, name or size that is written so.
    static void RefuseEmptyArguments(ParseResult parsed)
    {
        foreach (var result in parsed.CommandResult.Children)
            if (result.Tokens.Any(token => token.Value.Length == 0))
                throw new UsageException($"{NameOf(result)} is empty: give it a value (see 'vbackup{PathOf(parsed)} --help')");
    }

    static string NameOf(SymbolResult result) => result switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult argument => argument.Argument.Name,
        _ => "an argument",
    };

    static string PathOf(ParseResult parsed)
    {
        var path = "";
        for (var result = parsed.CommandResult; result.Parent is CommandResult parent; result = parent)
            path = $" {result.Command.Name}{path}";
        return path;
    }
}
