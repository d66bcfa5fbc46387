using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Vault.Stores;
using VBackup.Vault.Verifying;

namespace VBackup.Cli.Vault;

/// <summary><c>vbackup vault verify</c></summary>
static class VerifyVault
{
    static readonly Option<bool> s_allData =
        new("--all-data") { Description = "Read and check every byte that is stored, once; else the structure alone." };

    public static Command Define()
    {
        var command = new Command("verify", "Check that every restore point can be restored.");
        VaultAccess.AddOptions(command);
        command.Add(s_allData);
        command.SetAction((parsed, stop) => HandleAsync(VaultAccess.Read(parsed), parsed.GetValue(s_allData), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(VaultAccess access, bool allData, Screen screen, CancellationToken stop)
    {
        var meter = new RunMeter();
        var result = await RunAsync(access, allData, screen, stop).ConfigureAwait(false);
        screen.NoteUnprotected(result.Refusal);
        DamageReport.Show(result.Damages, screen);
        screen.Event(new VerifyEvent(
            allData, result.Points, result.Packs, result.CheckedBytes, result.Damages.Count, meter.ElapsedSeconds,
            RunMeter.HeapAllocatedBytes, RunMeter.PeakResidentBytes), EventJson.Default.VerifyEvent);
        var what = allData ? $"all data, {Units.Size(result.CheckedBytes)}" : "the structure (not the data: --all-data)";
        screen.Line($"checked {what} of {Units.Count(result.Points, "point")} in {Units.Count(result.Packs, "pack")} in "
            + $"{Units.Duration(meter.Elapsed)}: "
            + (result.IsSound ? "all sound"
                : result.IsGarbage ? $"{result.Damages.Count} damaged, which no point needs: 'vbackup vault gc' removes what was taken "
                    + "out of use"
                : $"{result.Damages.Count} damaged; 'vbackup vault repair' mends what can be mended"));
        return result.IsSound ? ExitStatus.Done : ExitStatus.DamageFound;
    }

    public static async Task<VerifyResult> RunAsync(
        VaultAccess access, bool allData, Screen screen, CancellationToken cancellation)
    {
        var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            using var progress = screen.FollowCount("verify", "packs");
            return await Verifier.RunAsync(vault, allData, progress, cancellation).ConfigureAwait(false);
        }
    }
}
