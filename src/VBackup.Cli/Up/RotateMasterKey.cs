using System.CommandLine;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using VBackup.Cli.Terminal;
using VBackup.Platform.Databases;
using VBackup.Portal;
using VBackup.Portal.Notifications;
using VBackup.Primitives;
using VBackup.Service;
using VBackup.Service.Keys;

namespace VBackup.Cli.Up;

/// <summary><c>vbackup key rotate-master</c>: what a system keeps under its master key is kept under a new one. Broken off anywhere, it is
/// run again and goes on: the new key is made first, the old one goes last.</summary>
static class RotateMasterKey
{
    static readonly Option<string> s_data = new("--data")
    { HelpName = "DIR", Required = true, Description = "The data folder of a 'vbackup up' that does not run now." };

    public static Command Define()
    {
        var command = new Command("rotate-master", "Give a system a new master key; its projects' keys stay what they are.") { s_data };
        command.SetAction((parsed, stop) => HandleAsync(parsed.GetRequiredValue(s_data), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(string folder, Screen screen, CancellationToken stop)
    {
        using var data = DataFolder.OpenForNewMasterKey(folder);
        using var old = data.OpenMasterKey();
        using var next = data.OpenNextMasterKey();
        var wrapped = await ChangeAsync<BackupDb>(data.BackupDatabase, BackupDb.SchemaVersion, options => new(options),
            change => MasterKeyChange.MakeAsync(change, new(old), new(next), stop), stop).ConfigureAwait(false);
        wrapped += await ChangeAsync<PortalDb>(data.PortalDatabase, PortalDb.SchemaVersion, options => new(options),
            change => WebhookSecrets.ChangeMasterKeyAsync(change, old, next, stop), stop).ConfigureAwait(false);
        SqliteConnection.ClearAllPools();
        data.PromoteNextMasterKey();
        screen.Event(new DoneEvent(Path: Path.GetFullPath(folder)), EventJson.Default.DoneEvent);
        var file = Path.Combine(folder, "master.key");
        screen.Line($"there is a new master key, for {Units.Count(wrapped, "secret")}: keep a copy of {file} away from this machine");
        // 'vbackup recover' needs the one that a vault's copy is under.
        screen.Line("start the system now, which renews the copies of the projects' keys in the vaults; keep the old master key as well "
            + "until it has run for some minutes, and 'vbackup location usage' has found nothing");
        return ExitStatus.Done;
    }

    static async Task<int> ChangeAsync<TDb>(string path, int schemaVersion, Func<DbContextOptions<TDb>, TDb> make,
        Func<Change<TDb>, Task<int>> change, CancellationToken stop) where TDb : ServiceDb
    {
        var database = new SqliteDatabase<TDb>(path, make);
        await database.PrepareAsync(schemaVersion, stop).ConfigureAwait(false);
        var changes = new ChangeMaker<TDb>(database, new IdSource(TimeProvider.System, RandomNumberGenerator.Fill), TimeProvider.System);
        return await changes.MakeAsync(change, stop).ConfigureAwait(false);
    }
}
