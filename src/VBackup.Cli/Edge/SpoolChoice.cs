using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Edge;

/// <summary>Which folder packs land in before they are sent to the vault's store, and how much it may hold.</summary>
sealed record SpoolChoice(string Folder, long SizeMax, FileSystemLimits FileSystem)
{
    const string SizeDefault = "8GiB";

    static readonly Option<string> s_folder =
        new("--spool") { HelpName = "DIR", Description = "A folder, as on CephFS, where packs land before they are sent to the vault." };
    static readonly Option<string> s_size =
        new("--spool-size") { HelpName = "SIZE", Description = "What the spool may hold.", DefaultValueFactory = _ => SizeDefault };

    /// <summary>What lies in the spool can wait: an outage of the store is outlasted for an hour.</summary>
    public static RetryLimits Retries { get; } = RetryLimits.Patient with { AttemptsMax = 10_000, Deadline = TimeSpan.FromHours(1) };

    public static void AddOptions(Command command, bool isRequired)
    {
        if (isRequired)
            command.Validators.Add(parsed =>
            {
                if (parsed.GetResult(s_folder) is null) parsed.AddError("Option '--spool' is required.");
            });
        command.Add(s_folder);
        command.Add(s_size);
    }

    public static SpoolChoice? Read(ParseResult parsed)
    {
        if (parsed.GetValue(s_folder) is not { } folder) return null;
        var text = parsed.GetValue(s_size) ?? SizeDefault;
        return Units.TryParseSize(text, out var size) && size > 0
            ? new(folder, size, VaultAccess.ReadFileSystem(parsed))
            : throw new UsageException($"--spool-size {text} is not a size: write bytes, as in 8GiB");
    }

    public Task<PackSpool> OpenAsync(BackupVault vault, CancellationToken cancellation) =>
        PackSpool.OpenAsync(vault, Folder, SizeMax, cancellation, FileSystem);
}
