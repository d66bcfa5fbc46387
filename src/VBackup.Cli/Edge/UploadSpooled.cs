using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Vault;
using VBackup.Vault.Spooling;
using VBackup.Vault.Writing;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup edge upload</c>: finishes what backups that were broken off have left in a spool.</summary>
static class UploadSpooled
{
    public static Command Define()
    {
        var command = new Command("upload", "Finish the upload of backups that were broken off and left something in a spool.");
        VaultAccess.AddHoldingOptions(command);
        SpoolChoice.AddOptions(command, isRequired: true);
        command.SetAction((parsed, stop) => HandleAsync(
            VaultAccess.Read(parsed), SpoolChoice.Read(parsed)!, Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, SpoolChoice choice, Screen screen, CancellationToken stop)
    {
        var vault = await access.OpenAsync(SpoolChoice.Retries, stop).ConfigureAwait(false);
        await using var closingVault = vault.ConfigureAwait(false);
        var spool = await choice.OpenAsync(vault, stop).ConfigureAwait(false);
        await using (spool.ConfigureAwait(false))
        {
            var resumed = await RunAsync(vault, spool, screen, stop).ConfigureAwait(false);
            if (resumed.Count == 0) screen.Line("nothing of this vault waits in the spool");
            return resumed.Any(run => run.GivenUp is not null) ? ExitStatus.Failed : ExitStatus.Done;
        }
    }

    public static async Task<IReadOnlyList<ResumedRun>> RunAsync(
        BackupVault vault, PackSpool spool, Screen screen, CancellationToken cancellation)
    {
        var resumed = await BackupWriter.ResumeLeftAsync(vault, spool, cancellation).ConfigureAwait(false);
        foreach (var run in resumed)
        {
            screen.Event(new ResumedEvent(run.Session, run.Point?.Id, run.GivenUp), EventJson.Default.ResumedEvent);
            switch (run)
            {
                case { Point: { } point }:
                    screen.Line($"finished point {point.Id} of {point.Name} from the spool");
                    break;
                case { GivenUp: { } reason }:
                    screen.Note($"a backup that was broken off cannot be finished from the spool: {reason}");
                    break;
                default:
                    screen.Line("sent what a backup that was broken off had left in the spool; the next backup finds it");
                    break;
            }
        }
        return resumed;
    }
}
