using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using VBackup.DataPath;

namespace VBackup.Cli.Terminal;

/// <summary>
/// What a command says: to people as lines and tables on standard output, to programs as one JSON object a line. Notes,
/// progress and errors for people go to standard error. Thread-safe.
/// </summary>
sealed class Screen(bool json, bool isVerbose, TextWriter output, TextWriter error, bool showsBar) : IRunReport
{
    public static readonly Option<bool> JsonOption =
        new("--json") { Description = "Print one JSON object a line.", Recursive = true };
    public static readonly Option<bool> VerboseOption =
        new("--verbose") { Description = "Say more about what is done.", Recursive = true };

    // Of the process, as its standard output and standard error are.
    static volatile string? s_lost;

    readonly Lock _lock = new();
    bool _hasBar;

    /// <summary>Says nothing to people; for use cases that are run for another one.</summary>
    public static Screen Silent { get; } = new(json: false, isVerbose: false, TextWriter.Null, TextWriter.Null, showsBar: false);

    public static Screen Of(ParseResult parsed)
    {
        var json = parsed.GetValue(JsonOption);
        return new(json, parsed.GetValue(VerboseOption), Console.Out, Console.Error, !json && !Console.IsErrorRedirected);
    }

    public bool IsJson => json;

    /// <summary>For people only.</summary>
    public void Line(string text = "")
    {
        if (!json) Write(output, text);
    }

    /// <summary>For people only.</summary>
    public void Table(TextTable table)
    {
        if (!json) Write(output, table.ToString());
    }

    /// <summary>For programs only.</summary>
    public void Event<T>(T value, JsonTypeInfo<T> type)
    {
        if (json) Write(output, JsonSerializer.Serialize(value, type));
    }

    /// <summary>For programs only: something that the Portal told, whole, as it told it.</summary>
    /// <param name="name">Its <c>event</c>.</param>
    public void Event(string name, JsonElement told)
    {
        if (!json) return;
        var named = new JsonObject { ["event"] = name };
        foreach (var member in told.EnumerateObject())
            if (member.Name != "event") named[member.Name] = JsonNode.Parse(member.Value.GetRawText());
        Write(output, named.ToJsonString());
    }

    /// <summary>Something that was not asked for, and should be known.</summary>
    public void Note(string text)
    {
        if (json) Event(new NoteEvent(text), EventJson.Default.NoteEvent);
        else Write(error, $"vbackup: {text}");
    }

    /// <summary>Reads go on in a vault that may only be read, or is full.</summary>
    /// <param name="refusal">What the store said; null when it may be written.</param>
    public void NoteUnprotected(string? refusal)
    {
        if (refusal is not null)
            Note($"nothing can be stored in the vault now, so nothing protects what is read ({refusal}): a 'vault gc' that is run "
                + "meanwhile may take away what is read, which then shows as damage");
    }

    /// <summary>Only with --verbose.</summary>
    public void Detail(string text)
    {
        if (isVerbose) Note(text);
    }

    /// <summary>Follows bytes on their way. Dispose it when they have arrived.</summary>
    public ProgressMeter Follow(string what, long totalBytes) => new(this, what, totalBytes);

    /// <summary>Follows steps on their way: shown in place of a bar, or with --verbose.</summary>
    public IProgress<string> FollowSteps() => new StepMeter(this);

    ITransferMeter IRunReport.Follow(string what, long totalBytes) => Follow(what, totalBytes);

    /// <summary>Follows things that are counted. Dispose it when all are done.</summary>
    public CountMeter FollowCount(string what, string things) => new(this, what, things);

    public int Fail(Failure failure)
    {
        if (json) Event(new FailedEvent(failure.Line, failure.Status), EventJson.Default.FailedEvent);
        foreach (var line in failure.Line.Split('\n')) Write(error, $"vbackup: {line}");
        if (Environment.GetEnvironmentVariable("VBACKUP_TRACE") == "1") Write(error, failure.Details);
        return failure.Status;
    }

    /// <summary>What a command that ended well tells its caller: that it failed, when what it said was lost.</summary>
    public int End(int status)
    {
        if (s_lost is not { } reason) return status;
        Write(error, $"vbackup: the command's output could not be written ({reason}); what the command did stands");
        return status == ExitStatus.Done ? ExitStatus.Failed : status;
    }

    internal bool ShowsProgress => json || showsBar;

    /// <summary>Replaces the line that the bar is on; an empty one takes it away.</summary>
    internal void Bar(string text)
    {
        if (!showsBar) return;
        lock (_lock)
        {
            if (text.Length == 0 && !_hasBar) return;
            TryWrite(error, $"\r\u001b[K{Visible(text)}");
            _hasBar = text.Length > 0;
        }
    }

    void Write(TextWriter writer, string text)
    {
        lock (_lock)
        {
            if (_hasBar) TryWrite(error, "\r\u001b[K");
            _hasBar = false;
            TryWrite(writer, Visible(text) + Environment.NewLine);
        }
    }

    /// <summary>Names come from clouds and other users, and must not steer the terminal.</summary>
    static string Visible(string text) => !text.Any(char.IsControl) ? text
        : string.Concat(text.Select(letter => char.IsControl(letter) && letter != '\n' ? '\ufffd' : letter));

    // A backup is worth more than the word of it: the run goes on, and its exit status tells at the end.
    static void TryWrite(TextWriter writer, string text)
    {
        try
        {
            writer.Write(text);
            writer.Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The second is what a closed output makes.
            s_lost ??= failure.Message;
        }
    }

    sealed class StepMeter(Screen screen) : IProgress<string>
    {
        string _last = "";

        public void Report(string value)
        {
            if (Interlocked.Exchange(ref _last, value) == value) return;
            if (screen.IsJson) screen.Event(new StepEvent(value), EventJson.Default.StepEvent);
            else if (screen.ShowsProgress) screen.Bar(value);
            else screen.Detail(value);
        }
    }
}
