using System.Text.Json;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A cloud's configuration file beside a vault, and the edge commands on both.</summary>
internal sealed class EdgeWorld(CliVault vault, string server) : IAsyncDisposable
{
    public CliVault Vault => vault;
    public string Config => vault["cloud.json"];

    /// <summary>A lab cloud in the vault's folder, with a server that is shut down.</summary>
    public static async Task<EdgeWorld> OfLabCloudAsync(string server, params (string Disk, byte[] Content)[] disks)
    {
        var world = new EdgeWorld(await CliVault.MakeAsync(), server);
        foreach (var folder in (string[])["cloud", "cloud/volumes", "cloud/servers"]) Directory.CreateDirectory(world.Vault[folder]);
        foreach (var (disk, content) in disks) await File.WriteAllBytesAsync(world.VolumePath(disk), content);
        var declared = string.Join(',', disks.Select(disk => $$"""{"name":"{{disk.Disk}}","volume":"{{disk.Disk}}"}"""));
        await File.WriteAllTextAsync(world.Vault[$"cloud/servers/{server}.json"],
            $$"""{"state":"shutdown","disks":[{{declared}}]}""");
        await world.ConfigureAsync($$"""{"kind":"lab","folder":{{JsonSerializer.Serialize(world.Vault["cloud"])}}}""");
        return world;
    }

    /// <summary>The real server on real Ceph that the lab started; without it the test is skipped.</summary>
    public static async Task<EdgeWorld> OfRealServerAsync()
    {
        static string? Setting(string name) => Environment.GetEnvironmentVariable(name);
        _ = RealEdge.Lab();
        var world = new EdgeWorld(await CliVault.MakeAsync(), Setting("VBACKUP_TEST_SERVER")!);
        await world.ConfigureRealAsync(name => Setting(name)!);
        return world;
    }

    /// <summary>A server of a lab, and a vault that is made already.</summary>
    public static async Task<EdgeWorld> OfServerAsync(EdgeLab lab, string server, CliVault vault)
    {
        var world = new EdgeWorld(vault, server);
        await world.ConfigureRealAsync(name => lab[name]);
        return world;
    }

    /// <summary>From now on a disk that does not answer is not waited for longer than for seconds.</summary>
    public Task ConfigureImpatientAsync(EdgeLab lab) => ConfigureRealAsync(name => lab[name], operationTimeoutSeconds: 15);

    Task ConfigureRealAsync(Func<string, string> setting, int operationTimeoutSeconds = 60) => ConfigureAsync(JsonSerializer.Serialize(new
    {
        kind = "libvirt+ceph",
        libvirt = new { uri = setting("VBACKUP_TEST_LIBVIRT_URI") },
        ceph = new
        {
            configurationFile = setting("VBACKUP_TEST_CEPH_CONF"),
            user = setting("VBACKUP_TEST_CEPH_USER"),
            keyringFile = setting("VBACKUP_TEST_CEPH_KEYRING"),
            operationTimeoutSeconds,
        },
    }));

    public string VolumePath(string volume) => vault[$"cloud/volumes/{volume}.raw"];

    public Task ConfigureAsync(string document) => File.WriteAllTextAsync(Config, document);

    public Task<Ended> ServersAsync() => CliProcess.RunAsync(["server", "list", "--cloud", Config, "--json"]);

    public Task<Ended> BackUpAsync(params string[] more) => OnVaultAsync(["backup", "--server", server, .. more]);

    public Task<Ended> OnVaultAsync(params string[] command) =>
        CliProcess.RunAsync(Arguments(command), vault.Variables, folder: vault.Folder);

    /// <summary>Starts a command on this cloud and vault, to be watched.</summary>
    public CliProcess Start(Action<CliProcess, string> onOutput, params string[] command) =>
        CliProcess.Start(Arguments(command), vault.Variables, folder: vault.Folder, onOutput: onOutput);

    /// <summary>The arguments of <c>vbackup edge …</c> on this cloud and vault.</summary>
    public string[] Arguments(params string[] command) =>
        ["edge", .. command, "--cloud", Config, "--vault", vault.Location, "--key-file", vault["key"], "--json"];

    /// <summary>Finishes what waits in the folder <c>spool</c>.</summary>
    public Task<Ended> UploadAsync() => CliProcess.RunAsync(
        ["edge", "upload", "--spool", vault["spool"], "--vault", vault.Location, "--key-file", vault["key"], "--json"], vault.Variables,
            folder: vault.Folder);

    public Task<Ended> OnCloudAsync(params string[] command) =>
        CliProcess.RunAsync(["edge", .. command, "--cloud", Config, "--json"], folder: vault.Folder);

    /// <summary>The arguments of an export of a point, which needs no cloud.</summary>
    public string[] ExportArguments(string point, string file, params string[] more) =>
        ["edge", "export-image", point, "--to", file, .. more, "--vault", vault.Location, "--key-file", vault["key"], "--json"];

    public Task<Ended> ExportAsync(string point, string file, params string[] more) =>
        CliProcess.RunAsync(ExportArguments(point, file, more), folder: vault.Folder);

    public Task<Ended> SnapshotsAsync(string verb, params string[] more) => CliProcess.RunAsync(
        ["edge", "snapshots", verb, .. more, "--cloud", Config, "--server", server, "--json"]);

    /// <summary>Removes a snapshot, whatever it serves.</summary>
    public Task<Ended> ReleaseAsync(string snapshot) => SnapshotsAsync("release", snapshot, "--even-if-base");

    /// <summary>Names of the snapshots that are there.</summary>
    public async Task<string[]> SnapshotNamesAsync() =>
        [.. (await SnapshotsAsync("list")).Expect(0).Events.Where(item => item.GetProperty("event").GetString() == "snapshot")
            .Select(item => item.GetProperty("name").GetString()!)];

    public ValueTask DisposeAsync() => vault.DisposeAsync();
}
