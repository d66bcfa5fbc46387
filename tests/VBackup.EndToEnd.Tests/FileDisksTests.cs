using System.Security.Cryptography;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A running server whose disks are qcow2 files, backed up through QEMU.</summary>
public sealed class FileDisksTests : IAsyncLifetime
{
    static readonly string? s_uri = Environment.GetEnvironmentVariable("VBACKUP_TEST_LIBVIRT_URI");
    static readonly string? s_edge = Environment.GetEnvironmentVariable("VBACKUP_TEST_EDGE");
    static readonly string[] s_disks = ["vda", "vdb"];
    static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    readonly string _server = $"files-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
    EdgeWorld? _world;

    EdgeWorld World => _world!;

    string DiskOf(string server, string disk) => World.Vault[$"disks/{server}-{disk}.qcow2"];

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(s_uri) || string.IsNullOrEmpty(s_edge), "needs the lab's libvirt: run ./test.sh as root");
        var vault = await CliVault.MakeAsync();
        _world = new(vault, _server);
        Directory.CreateDirectory(vault["disks"]);
        await World.ConfigureAsync(JsonSerializer.Serialize(
            new { kind = "libvirt", libvirt = new { uri = s_uri, volumeFolder = vault["disks"] }, holdLimitSeconds = 20 }));
        foreach (var disk in s_disks)
            (await CliProcess.RunAsync(["create", "-q", "-f", "qcow2", DiskOf(_server, disk), "64M"], program: "/usr/bin/qemu-img"))
                .Expect(0);
        (await CliProcess.RunAsync(
            ["server", s_edge!, _server, .. s_disks.Select(disk => DiskOf(_server, disk))], program: Repository("lab/edge"))).Expect(0);
    }

    public async ValueTask DisposeAsync()
    {
        if (_world is null) return;
        foreach (var server in (string[])[_server, "copy-" + _server])
        {
            await VirshAsync("destroy", server);
            await VirshAsync("undefine", server, "--checkpoints-metadata");
        }
        await World.DisposeAsync();
    }

    static Task<Ended> VirshAsync(params string[] command) =>
        CliProcess.RunAsync(["-q", "-c", s_uri!, .. command], program: "/usr/bin/virsh");

    static string Repository(string path)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "vBackup.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return Path.Combine(folder, path);
    }

    static string Text(Ended backup, string member) => backup.Expect(0).Last.GetProperty(member).GetString()!;

    async Task CheckJournalAsync(string point)
    {
        foreach (var disk in s_disks)
            (await World.Vault.RunAsync("restore", point, "--volume", disk, "--target", World.Vault[disk])).Expect(0);
        var check = await CliProcess.RunAsync([Repository("lab/journal-check"), .. s_disks.Select(disk => World.Vault[disk])],
            program: "/usr/bin/python3");
        Assert.StartsWith("ORDER-OK FROZEN", check.Expect(0).Output[^1], StringComparison.Ordinal);
        foreach (var disk in s_disks) File.Delete(World.Vault[disk]);
    }

    async Task<bool> HasJobAsync() => (await VirshAsync("backup-dumpxml", _server)).Status == 0;

    static async Task UntilAsync(string what, Func<Task<bool>> isSo)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < s_limit, what);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    [Fact]
    public async Task A_server_with_qcow2_disks_is_backed_up_killed_in_between_and_restored()
    {
        var full = await World.BackUpAsync();
        Assert.Equal("full", Text(full, "type"));
        Assert.False(await HasJobAsync());

        // Killed while the job runs: libvirt goes on with it, and the next backup ends it.
        await using (var killed = CliProcess.Start(["edge", "backup", "--server", _server, "--cloud", World.Config,
            "--vault", World.Vault.Location, "--key-file", World.Vault["key"], "--full", "--json"], folder: World.Vault.Folder))
        {
            await UntilAsync("the backup job has begun", HasJobAsync);
            killed.Kill();
            await killed.WaitAsync();
        }
        Assert.True(await HasJobAsync());
        var incremental = await World.BackUpAsync();
        Assert.Equal("incremental", Text(incremental, "type"));
        Assert.False(await HasJobAsync());
        var left = Assert.Single((await World.SnapshotsAsync("orphans", "--vault", World.Vault.Location, "--key-file",
            World.Vault["key"])).Expect(0).Events,
            item => item.TryGetProperty("name", out _)).GetProperty("name").GetString()!;
        (await World.SnapshotsAsync("release", left, "--vault", World.Vault.Location, "--key-file", World.Vault["key"])).Expect(0);
        Assert.Single(await World.SnapshotNamesAsync());
        foreach (var backup in (Ended[])[full, incremental]) await CheckJournalAsync(Text(backup, "point"));

        // To files beside the others, in the same format; they hold what the point holds.
        (await World.OnVaultAsync("restore", Text(incremental, "point"), "--to", "new-server", "copy-" + _server)).Expect(0);
        foreach (var disk in s_disks)
        {
            (await World.Vault.RunAsync("restore", Text(incremental, "point"), "--volume", disk, "--target", World.Vault[disk])).Expect(0);
            (await CliProcess.RunAsync(["compare", "-f", "raw", "-F", "qcow2", World.Vault[disk], DiskOf("copy-" + _server, disk)],
                program: "/usr/bin/qemu-img"))
                .Expect(0);
        }
        (await VirshAsync("start", "copy-" + _server)).Expect(0);
        (await VirshAsync("destroy", "copy-" + _server)).Expect(0);

        // In place: the server runs again afterwards, and starts a new chain.
        (await World.OnVaultAsync("restore", Text(full, "point"), "--to", "original", "--stop")).Expect(0);
        Assert.Equal("running", (await VirshAsync("domstate", _server)).Expect(0).Output[0]);
        Assert.StartsWith("safety-", Assert.Single(await World.SnapshotNamesAsync()), StringComparison.Ordinal);
        Assert.Equal("full", Text(await World.BackUpAsync(), "type"));
    }

    [Fact]
    public async Task Memory_that_was_saved_over_the_old_disks_is_thrown_away_before_others_take_their_place()
    {
        var point = Text(await World.BackUpAsync(), "point");
        (await VirshAsync("managedsave", _server)).Expect(0);
        ExpectThrownAway(await World.OnVaultAsync("restore", point, "--to", "original"));
        await ExpectNoneSavedAsync();

        (await VirshAsync("start", _server)).Expect(0);
        (await VirshAsync("managedsave", _server)).Expect(0);
        var safety = Assert.Single(await World.SnapshotNamesAsync(), name => name.StartsWith("safety-", StringComparison.Ordinal));
        ExpectThrownAway(await World.SnapshotsAsync("rollback", safety));
        await ExpectNoneSavedAsync();
    }

    void ExpectThrownAway(Ended run) => Assert.Contains(run.Expect(0).Events, item => item.TryGetProperty("message", out var text)
        && text.GetString() == $"the memory that was saved of {_server} belongs to the old disks: it was thrown away");

    async Task ExpectNoneSavedAsync() => Assert.Contains((await VirshAsync("dominfo", _server)).Expect(0).Output,
        line => line.StartsWith("Managed save:", StringComparison.Ordinal) && line.EndsWith("no", StringComparison.Ordinal));
}
