using VBackup.Cli.Remote;
using VBackup.Platform.Databases;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Terminal;

/// <summary>The command line asks for something that makes no sense; nothing was tried.</summary>
sealed class UsageException(string message) : Exception(message);

/// <summary>Settings are wrong; nothing was tried.</summary>
/// <param name="faults">A line each.</param>
sealed class SettingsException(IReadOnlyList<string> faults) : Exception(string.Join('\n', faults));

/// <summary>Why a command failed, in one line; of settings, a line for each that is wrong.</summary>
/// <param name="Details">For VBACKUP_TRACE=1.</param>
sealed record Failure(string Line, int Status, string Details)
{
    const int OutOfSpace = 28;      // ENOSPC
    const int OutOfSpaceResult = unchecked((int)0x80070070);    // what .NET makes of it in some places
    const int QuotaUsedUp = 122;    // EDQUOT

    public static Failure Of(Exception exception, bool wasStopped)
    {
        var (line, status) = wasStopped && exception is OperationCanceledException
            ? ("stopped; what was complete before is untouched", ExitStatus.Failed)
            : Describe(exception);
        if (Aftermath.Of(exception) is { } aftermath) line = $"{line}; {aftermath}";
        return new(exception is SettingsException ? line : line.ReplaceLineEndings(" "), status, exception.ToString());
    }

    static (string, int) Describe(Exception exception) => exception switch
    {
        UsageException or SettingsException => (exception.Message, ExitStatus.BadUsage),
        RefusedException or UnusableVaultException or SessionRevokedException
            or CollectorExpelledException or PortalRefusalException or PortalUnreachableException
            or OtherSchemaException or DatabaseFailedException => (exception.Message, ExitStatus.Failed),
        DamageException => ($"damage found: {exception.Message}", ExitStatus.DamageFound),
        StoreException store => (DescribeStore(store), ExitStatus.Failed),
        FileNotFoundException missing => ($"no such file: {missing.FileName}", ExitStatus.Failed),
        DirectoryNotFoundException => ($"no such folder on the way to {QuotedIn(exception.Message)}", ExitStatus.Failed),
        UnauthorizedAccessException => ($"not allowed: {exception.Message}", ExitStatus.Failed),
        IOException { HResult: OutOfSpaceResult or OutOfSpace or QuotaUsedUp } =>
            ($"no space left: {exception.Message}", ExitStatus.Failed),
        IOException => (exception.Message, ExitStatus.Failed),
        OperationCanceledException => ("no answer in time: try again", ExitStatus.Failed),
        AggregateException { InnerExceptions: [var first, ..] } => Describe(first),
        _ => ($"unexpected error ({exception.GetType().Name}): {exception.Message} (VBACKUP_TRACE=1 shows where)",
            ExitStatus.Failed),
    };

    // The framework's sentence around the path is dropped.
    static string QuotedIn(string message) => message.Split('\'') is [_, var path, ..] ? path : message;

    static string DescribeStore(StoreException store) => store.Failure switch
    {
        StoreFailure.Full => $"no space left in the vault's store: {store.Message}; make room there: delete points, "
            + "then run 'vbackup vault gc', which needs room for some small objects itself",
        StoreFailure.Transient or StoreFailure.Unreachable => $"the vault's store cannot be reached, try again later: {store.Message}",
        StoreFailure.Refused => $"the vault's store refuses: {store.Message}",
        _ => store.Message,
    };
}
