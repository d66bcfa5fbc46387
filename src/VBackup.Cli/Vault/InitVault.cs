using System.CommandLine;
using System.Numerics;
using VBackup.Cli.Terminal;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault init</c></summary>
static class InitVault
{
    // What a creation that was broken off may have left.
    static readonly string[] s_leftovers = ["keys", "probe", "unfinished"];

    static readonly Option<string> s_chunkSize = new("--chunk-size")
    {
        HelpName = "SIZE",
        Description = "A power of two from 4KiB to 4MiB.",
        DefaultValueFactory = _ => "128KiB",
    };

    public static Command Define()
    {
        var command = new Command("init", "Make a vault in an empty folder or an empty prefix of a bucket.");
        VaultAccess.AddOptions(command);
        command.Add(s_chunkSize);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), ReadChunkSize(parsed.GetRequiredValue(s_chunkSize)), Screen.Of(parsed), stop));
        return command;
    }

    static int ReadChunkSize(string text) =>
        Units.TryParseSize(text, out var bytes) && BitOperations.IsPow2(bytes)
            && bytes is >= FormatLimits.ChunkSizeMin and <= FormatLimits.ChunkSizeMax
            ? (int)bytes
            : throw new UsageException($"--chunk-size {text} is not a chunk size: give a power of two from 4KiB to 4MiB");

    static async Task<int> HandleAsync(VaultAccess access, int chunkSize, Screen screen, CancellationToken stop)
    {
        // A store does not list what it could not have stored, so files of other kinds are looked for here.
        // Where a vault is, its making says so.
        if (access.Folder is { } folder && Directory.Exists(folder) && !File.Exists(Path.Combine(folder, ObjectNames.Header))
            && Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName)
                .FirstOrDefault(name => !s_leftovers.Contains(name)) is { } other)
            throw new RefusedException($"{folder} is not empty (it holds {other}): a vault needs a folder of its own");
        var vault = await access.CreateAsync(chunkSize, (store, token) => CheckAsync(store, screen, token), stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            screen.Event(new VaultMadeEvent(vault.Store.Description, vault.Header.VaultId.ToString(), chunkSize),
                EventJson.Default.VaultMadeEvent);
            screen.Line($"made a vault at {vault.Store.Description}, chunks of {Units.Size(chunkSize)}");
            screen.Line($"Only {access.Key.Path} opens it. Make a recovery key now: vbackup key recovery --vault {access.Location} …");
        }
        return ExitStatus.Done;
    }

    /// <summary>Refuses a location that lacks what no vault can be without, and tells of everything else that it lacks.</summary>
    static async Task CheckAsync(IObjectStore store, Screen screen, CancellationToken cancellation)
    {
        var result = await StoreCheck.RunAsync(store, cancellation).ConfigureAwait(false);
        foreach (var lack in result.Lacks) screen.Note($"the location {Describe(lack.Ability)}: {lack.Reason}");
        if (result.IsUsable) return;
        throw new RefusedException($"{store.Description} cannot keep a vault: it "
            + string.Join(", and ", result.Lacks.Where(lack => lack.IsNeeded).Select(lack => Describe(lack.Ability)))
            + (result.IsLeftBehind ? "; test objects stay there, below probe/" : ""));
    }

    static string Describe(StoreAbility ability) => ability switch
    {
        StoreAbility.Put => "does not let objects be put",
        StoreAbility.Write => "does not let large objects be written",
        StoreAbility.Read => "does not give back what was put",
        StoreAbility.List => "does not list what it holds",
        StoreAbility.Delete => "does not let objects be deleted",
        StoreAbility.TidyUp => "does not let unfinished uploads be listed and discarded",
        StoreAbility.CreateOnce => "does not honour create-once, so that a run that died cannot be revoked, and 'vault gc' will stop at it",
        StoreAbility.Forget => "keeps what 'vault gc' frees",
        StoreAbility.Hold => "does not let objects be held, so that no backup can be made with --hold-days",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
