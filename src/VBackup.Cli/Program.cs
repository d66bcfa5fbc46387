using System.CommandLine;
using VBackup.Cli.Demo;
using VBackup.Cli.Edge;
using VBackup.Cli.Edge.Images;
using VBackup.Cli.Keys;
using VBackup.Cli.Migrating;
using VBackup.Cli.Recovering;
using VBackup.Cli.Remote;
using VBackup.Cli.Terminal;
using VBackup.Cli.Up;
using VBackup.Cli.Vault;
using VBackup.Clouds.Libvirt.Freezing;

// Not a command that anybody calls, and not to be delayed by those that are.
if (args is [FreezeWatchdog.Verb, .. var orders]) return await FreezeWatchdog.RunAsync(orders).ConfigureAwait(false);

var root = new RootCommand("vBackup keeps the volumes of virtual servers in encrypted vaults, and brings them back bit for bit.")
{
    RunDemo.Define(),
    RunUp.Define(),
    RecoverSystem.Define(),
    MigrateDatabases.Define(),
    new Command("vault", "Work on a vault: a folder, or s3://bucket/prefix.")
    {
        InitVault.Define(),
        BackUpVolumes.Define(),
        ListPoints.Define(),
        ShowPoint.Define(),
        RestoreVolume.Define(),
        VerifyVault.Define(),
        RepairVault.Define(),
        DeletePoint.Define(),
        CollectGarbage.Define(),
        ShowStatistics.Define(),
    },
    LogIn.Define(),
    LogOut.Define(),
    Tokens.Define(),
    Policies.Define(),
    Plans.Define(),
    BackUpNow.Define(),
    Points.Define(),
    RestorePoint.Define(),
    Runs.Define(),
    Locations.Define(),
    Snapshots.Define(),
    Webhooks.Define(),
    ProjectKeys.Define(),
    Images.DefineVolume(),
    new Command("server", "Look at servers and their volumes.")
    {
        ListServers.Define(),
        Volumes.DefineShow(),
        Volumes.DefineFree(),
        Servers.DefineGive(),
    },
    new Command("edge", "Back up and restore the servers of a cloud.")
    {
        BackUpServer.Define(),
        RestoreServer.Define(),
        ComparePoint.Define(),
        ExportImage.Define(),
        ImportImage.Define(),
        ServerSnapshots.Define(),
        UploadSpooled.Define(),
    },
    new Command("key", "Make and change the keys that open a vault.")
    {
        MakeKeyFile.Define(),
        MakeRecoveryKey.Define(),
        RotateKey.Define(),
        ListKeys.Define(),
        RemoveKey.Define(),
        RotateMasterKey.Define(),
    },
};
return await Invocation.RunAsync(root, args).ConfigureAwait(false);
