using System.Text.Json;
using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;
using VBackup.Edge;

namespace VBackup.Cli.Demo.Real;

/// <summary>A point of the story, and what the journal said of it once it was looked at.</summary>
sealed record StoryPoint(string Id, string Type)
{
    public JournalState? Journal { get; set; }
}

/// <summary>What the story's scenes share: the server, the vault, and the program that is shown.</summary>
sealed class Stage(Lab lab, string server, EdgeCloud cloud, Gateway gateway, string folder, string vault, RealReport report,
    CancellationToken cancellation)
{
    /// <summary>As in the cloud's configuration.</summary>
    public static readonly TimeSpan HoldLimit = TimeSpan.FromSeconds(5);

    public static string ConfigurationIn(string folder) => Path.Combine(folder, "cloud.json");

    public static string KeyIn(string folder) => Path.Combine(folder, "vault.key");

    public Lab Lab => lab;
    public string Server => server;
    public EdgeCloud Cloud => cloud;
    public Gateway Gateway => gateway;
    public RealReport Report => report;
    public CancellationToken Cancellation => cancellation;
    public List<StoryPoint> Points { get; } = [];
    public int OrphanSnapshots { get; set; }
    public TimeSpan ThawedAfterKill { get; set; }

    public Guest GuestOf(string name) => new(lab, name, cancellation);

    public string FileFor(string name) => Path.Combine(folder, name);

    string[] VaultOptions => ["--vault", vault, "--key-file", KeyIn(folder)];
    string[] CloudOptions => ["--cloud", ConfigurationIn(folder)];

    /// <summary>A command on the vault, such as <c>verify</c>, that ends well.</summary>
    /// <returns>The last thing that it said.</returns>
    public async Task<JsonElement> OnVaultAsync(params string[] command) =>
        (await RunAsync(["vault", .. command, .. VaultOptions]).ConfigureAwait(false))[^1];

    /// <summary>A command on the cloud and the vault, such as <c>restore</c>, that ends well.</summary>
    /// <returns>The last thing that it said.</returns>
    public async Task<JsonElement> OnEdgeAsync(params string[] command) =>
        (await RunAsync(["edge", .. command, .. CloudOptions, .. VaultOptions]).ConfigureAwait(false))[^1];

    /// <summary>The names that <c>edge snapshots list</c> or <c>orphans</c> shows.</summary>
    public async Task<string[]> SnapshotsAsync(string verb)
    {
        string[] command = ["edge", "snapshots", verb, "--server", server, .. CloudOptions, .. verb == "orphans" ? VaultOptions : []];
        return [.. (await RunAsync(command).ConfigureAwait(false)).Select(item => item.GetProperty("name").GetString()!)];
    }

    public Task ReleaseAsync(string snapshot) =>
        RunAsync(["edge", "snapshots", "release", snapshot, "--server", server, .. CloudOptions, .. VaultOptions]);

    /// <summary>A backup of the server, to be watched.</summary>
    public OwnProgram StartBackup(Action<OwnProgram, JsonElement> onEvent, params string[] more) =>
        Start(["edge", "backup", "--server", server, .. more, .. CloudOptions, .. VaultOptions], onEvent);

    /// <summary>A backup of the server that ends well, and was made while the guest was frozen.</summary>
    public async Task<StepResult> BackUpAsync(string expectedType, params string[] more)
    {
        var backup = StartBackup((_, _) => { }, more);
        await using (backup.ConfigureAwait(false))
            return Completed(await backup.SucceedAsync(cancellation).ConfigureAwait(false), expectedType);
    }

    /// <summary>Takes the point of a backup that ended well into the story.</summary>
    public StepResult Completed(IReadOnlyList<JsonElement> said, string expectedType)
    {
        var last = said[^1];
        var type = last.GetProperty("type").GetString()!;
        if (type != expectedType) throw Broken($"the backup became {type}: {Notes(said)}");
        if (!last.TryGetProperty("heldSeconds", out var held)) throw Broken($"the guest was not held for the snapshot: {Notes(said)}");
        Points.Add(new(last.GetProperty("point").GetString()!, type));
        var read = last.GetProperty("readBytes").GetInt64();
        return new($"{type}, read {Units.Size(read)}, stored {Units.Size(last.GetProperty("storedBytes").GetInt64())}", read,
            TimeSpan.FromSeconds(held.GetDouble()));
    }

    public static RefusedException Broken(string what) => new($"the demo failed: {what}");

    async Task<IReadOnlyList<JsonElement>> RunAsync(string[] arguments)
    {
        var program = Start(arguments, (_, _) => { });
        await using (program.ConfigureAwait(false)) return await program.SucceedAsync(cancellation).ConfigureAwait(false);
    }

    OwnProgram Start(IReadOnlyList<string> arguments, Action<OwnProgram, JsonElement> onEvent) =>
        OwnProgram.Start(arguments, gateway.Variables, onEvent);

    static string Notes(IReadOnlyList<JsonElement> said) => string.Join("; ",
        said.Where(item => item.GetProperty("event").GetString() == "note").Select(item => item.GetProperty("message").GetString()));
}
