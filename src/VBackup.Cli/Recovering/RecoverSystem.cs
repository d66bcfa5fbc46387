using System.CommandLine;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using VBackup.Cli.Terminal;
using VBackup.Cli.Up;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Portal;
using VBackup.Portal.Declarations;
using VBackup.Primitives;
using VBackup.Service;
using VBackup.Service.Keys;
using VBackup.Service.Recovery;
using VBackup.Snapshots;
using VBackup.Vault.Format;

namespace VBackup.Cli.Recovering;

/// <summary><c>vbackup recover</c>: builds a system again from its vaults and a key, in an empty folder.</summary>
static class RecoverSystem
{
    static readonly Option<string> s_data = new("--data")
    { HelpName = "DIR", Required = true, Description = "The folder of the new system: empty, or not there yet." };

    static readonly Option<string[]> s_locations = new("--location")
    {
        HelpName = "LOCATION",
        Required = true,
        Description = "A location of the system that was lost: a folder, or s3://bucket/prefix with credentials in AWS_… variables. "
            + "May be given again.",
    };

    static readonly Option<string[]> s_keyFiles = new("--key-file")
    {
        HelpName = "FILE",
        Required = true,
        Description = "A project's recovery key, or the master.key of the system that was lost. May be given again.",
    };

    public static Command Define()
    {
        var command = new Command("recover", "Build a system again whose databases were lost, from its locations and a key.")
        { s_data, s_locations, s_keyFiles };
        command.SetAction((parsed, stop) => HandleAsync(parsed.GetRequiredValue(s_data), parsed.GetRequiredValue(s_locations),
            parsed.GetRequiredValue(s_keyFiles), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(string folder, string[] locations, string[] keyFiles, Screen screen, CancellationToken stop)
    {
        DataFolder.RequireEmpty(folder);
        var now = TimeProvider.System.GetUtcNow();
        var ids = new IdSource(TimeProvider.System, RandomNumberGenerator.Fill);
        var report = new RecoveryReport();
        List<FoundVault> vaults = [];
        using (var keys = RecoveryKeys.Read(keyFiles))
        {
            foreach (var place in locations.Select((text, i) => RecoveryPlace.Of(text, i + 1)).DistinctBy(place => place.Address))
                await ReadAsync(place, keys, vaults, report, stop).ConfigureAwait(false);
            // All is read before anything is made: whoever gave a wrong key has nothing to clean up.
            if (vaults.Count == 0) throw new RefusedException(report.WhyNothing());
            var system = new FoundSystem(ids, now);
            List<(ProjectFinding Finding, List<string> Problems)> found = [];
            foreach (var ofProject in vaults.GroupBy(vault => vault.Project))
            {
                List<string> problems = [];
                found.Add((system.Of([.. ofProject], problems), problems));
            }
            await BuildAsync(folder, ids, found, [.. vaults.Select(vault => vault.Place).Distinct()], report, stop).ConfigureAwait(false);
        }
        report.Show(screen, folder);
        return report.HasDamage ? ExitStatus.DamageFound : ExitStatus.Done;
    }

    static async Task ReadAsync(RecoveryPlace place, RecoveryKeys keys, List<FoundVault> vaults, RecoveryReport report,
        CancellationToken stop)
    {
        var projects = await place.FindProjectsAsync(stop).ConfigureAwait(false);
        if (projects.Count == 0) report.HasNoVault(place);
        foreach (var project in projects)
        {
            try
            {
                if (await FoundVault.ReadAsync(place, project, keys, stop).ConfigureAwait(false) is { } vault) vaults.Add(vault);
                else report.IsNotOpened(place, project);
            }
            catch (DamageException damage)
            {
                // The other vaults are worth no less.
                report.IsDamaged(place, project, damage);
            }
        }
    }

    static async Task BuildAsync(string folder, IdSource ids, List<(ProjectFinding Finding, List<string> Problems)> found,
        IReadOnlyList<RecoveryPlace> places, RecoveryReport report, CancellationToken stop)
    {
        using var data = DataFolder.BeginRecovery(folder);
        using var master = data.OpenMasterKey();
        var secrets = new ProjectSecrets(master);
        var portal = new SqliteDatabase<PortalDb>(data.PortalDatabase, options => new(options));
        var backup = new SqliteDatabase<BackupDb>(data.BackupDatabase, options => new(options));
        var snapshots = new SqliteDatabase<SnapshotsDb>(data.SnapshotsDatabase, options => new(options));
        await portal.PrepareAsync(PortalDb.SchemaVersion, stop).ConfigureAwait(false);
        await backup.PrepareAsync(BackupDb.SchemaVersion, stop).ConfigureAwait(false);
        await snapshots.PrepareAsync(SnapshotsDb.SchemaVersion, stop).ConfigureAwait(false);
        await new ChangeMaker<BackupDb>(backup, ids, TimeProvider.System).MakeAsync(change =>
        {
            foreach (var (project, _) in found) SystemRecovery.Make(change, secrets, project.Service);
            return Task.CompletedTask;
        }, stop).ConfigureAwait(false);
        var made = await new ChangeMaker<PortalDb>(portal, ids, TimeProvider.System).MakeAsync(async change =>
        {
            List<RecoveredProject> projects = [];
            foreach (var (project, _) in found) projects.Add(await ProjectRecovery.MakeAsync(change, project.Portal, stop)
                .ConfigureAwait(false));
            return projects;
        }, stop).ConfigureAwait(false);
        for (var i = 0; i < found.Count; i++) report.CameBack(made[i], found[i].Finding, found[i].Problems);
        // So that what is in a database's journal is in its file.
        SqliteConnection.ClearAllPools();
        RecoveredSettings.Write(data, places);
        data.EndRecovery();
    }
}
