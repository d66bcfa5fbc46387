using System.CommandLine;
using VBackup.Cli.Keys;
using VBackup.Cli.Terminal;
using VBackup.Vault;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Vault;

/// <summary>Which vault, and what opens it.</summary>
/// <param name="HoldDays">How long the store is to hold points, and what they need; null for not at all.</param>
/// <param name="FileSystem">How long the file system of a folder is waited for.</param>
sealed record VaultAccess(string Location, KeySource Key, long? RateBytesPerSecond = null, int? HoldDays = null,
    FileSystemLimits? FileSystem = null)
{
    const int HoldDaysMax = 36500;
    const int FolderTimeoutMin = 5, FolderTimeoutMax = 86400, FolderTimeoutDefault = 300;

    static readonly Option<string> s_location =
        new("--vault") { HelpName = "LOCATION", Required = true, Description = "A folder, or s3://bucket/prefix." };
    static readonly Option<string> s_locationIfAny = new("--vault") { HelpName = "LOCATION", Description = s_location.Description };
    static readonly Option<string> s_rate =
        new("--limit-rate") { HelpName = "BYTES/s", Description = "Send and receive at most so much a second, as in 20MiB." };

    static readonly Option<int?> s_holdDays = new("--hold-days")
    { HelpName = "N", Description = "Have a bucket with object lock hold points for so long: nobody deletes them before." };

    static readonly Option<int> s_folderTimeout = new("--folder-timeout")
    {
        HelpName = "SECONDS", DefaultValueFactory = _ => FolderTimeoutDefault,
        Description = "How long an operation on a folder (--vault, --spool) may take before it is given up.",
    };

    /// <summary>For commands that make points, or look after them.</summary>
    public static void AddHoldingOptions(Command command)
    {
        AddOptions(command);
        command.Add(s_holdDays);
    }

    public static void AddOptions(Command command)
    {
        command.Add(s_location);
        KeySource.AddOptions(command);
        command.Add(s_rate);
        command.Add(s_folderTimeout);
    }

    /// <summary>For commands that can do without a vault.</summary>
    public static void AddOptionsIfAny(Command command)
    {
        command.Add(s_locationIfAny);
        KeySource.AddOptions(command);
        command.Add(s_rate);
        command.Add(s_folderTimeout);
    }

    public static VaultAccess Read(ParseResult parsed) => Read(parsed, parsed.GetRequiredValue(s_location));

    public static VaultAccess? ReadIfAny(ParseResult parsed) =>
        parsed.GetValue(s_locationIfAny) is { } location ? Read(parsed, location) : null;

    static VaultAccess Read(ParseResult parsed, string location)
    {
        if (string.IsNullOrWhiteSpace(location)) throw new UsageException("--vault is empty: give a folder, or s3://bucket/prefix");
        long? rate = null;
        if (parsed.GetValue(s_rate) is { } text)
            rate = Units.TryParseSize(text, out var bytes) && bytes > 0
                ? bytes : throw new UsageException($"--limit-rate {text} is not a rate: write bytes a second, as in 20MiB");
        var days = parsed.GetResult(s_holdDays) is null ? null : parsed.GetValue(s_holdDays);
        if (days is < 1 or > HoldDaysMax) throw new UsageException($"--hold-days is 1 to {HoldDaysMax}");
        return new(location, KeySource.Read(parsed), rate, days, ReadFileSystem(parsed));
    }

    /// <summary>For every folder that a command works on.</summary>
    public static FileSystemLimits ReadFileSystem(ParseResult parsed)
    {
        var seconds = parsed.GetValue(s_folderTimeout);
        return seconds is >= FolderTimeoutMin and <= FolderTimeoutMax
            ? new() { OperationTimeout = TimeSpan.FromSeconds(seconds), OnWaiting = Screen.Of(parsed).Note }
            : throw new UsageException($"--folder-timeout is {FolderTimeoutMin} to {FolderTimeoutMax} seconds");
    }

    /// <summary>The options that name it, for a command that people are told to give.</summary>
    public string Options =>
        $"--vault {ShellWord.Of(Location)} {(Key.IsPassphrase ? "--passphrase-file" : "--key-file")} {ShellWord.Of(Key.Path)}";

    /// <summary>The vault's folder, without links; null when it is in no folder.</summary>
    public string? Folder => Location.Contains("://", StringComparison.Ordinal) ? null : Location;

    /// <summary>For somebody who waits at a terminal.</summary>
    public Task<BackupVault> OpenAsync(CancellationToken cancellation) => OpenAsync(RetryLimits.Brief, cancellation);

    /// <param name="retries">How long the store's failures are tried again, as long as the vault is open.</param>
    public async Task<BackupVault> OpenAsync(RetryLimits retries, CancellationToken cancellation)
    {
        using var unlock = await Key.ReadUnlockAsync(cancellation).ConfigureAwait(false);
        var store = await OpenStoreAsync(create: false, retries, cancellation).ConfigureAwait(false);
        return await BackupVault.OpenAsync(store, unlock, Runtime, cancellation).ConfigureAwait(false);
    }

    public Task<BackupVault> CreateAsync(int chunkSize, CancellationToken cancellation) =>
        CreateAsync(chunkSize, (_, _) => Task.CompletedTask, cancellation);

    /// <param name="check">Looks at the store before anything of a vault is in it; what it throws is the end of it.</param>
    public async Task<BackupVault> CreateAsync(
        int chunkSize, Func<IObjectStore, CancellationToken, Task> check, CancellationToken cancellation)
    {
        using var unlock = await Key.ReadUnlockAsync(cancellation).ConfigureAwait(false);
        var store = await OpenStoreAsync(create: true, RetryLimits.Brief, cancellation).ConfigureAwait(false);
        try
        {
            await check(store, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await store.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        return await BackupVault.CreateAsync(store, unlock, chunkSize, new(), cancellation).ConfigureAwait(false);
    }

    VaultRuntime Runtime => new() { HoldsFor = HoldDays is { } days ? TimeSpan.FromDays(days) : null };

    Task<IObjectStore> OpenStoreAsync(bool create, RetryLimits retries, CancellationToken cancellation) =>
        StoreLocation.OpenAsync(Location, new()
    {
        FileSystem = FileSystem ?? new(),
        CreateFolder = create,
        Retries = retries,
        SendBytesPerSecond = RateBytesPerSecond,
        ReceiveBytesPerSecond = RateBytesPerSecond,
    }, cancellation);
}
