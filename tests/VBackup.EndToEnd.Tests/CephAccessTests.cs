using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>How Ceph is reached: what is wrong with that is said at once, and by every command. The servers are libvirt's own, for
/// tests.</summary>
public sealed class CephAccessTests : IDisposable
{
    const string Server = """
        <node><domain type="test"><name>web-1</name><memory>1024</memory><os><type>hvm</type></os><devices>
        <disk type="network"><source protocol="rbd" name="POOL/no-such-image"/><target dev="vda"/></disk>
        </devices></domain></node>
        """;
    static readonly JsonSerializerOptions s_writing = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-access-").FullName;
    // A port that nobody listens at, as long as it is held.
    readonly Socket _nobody = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    string In(string name) => Path.Combine(_folder, name);

    [Fact]
    public async Task The_log_of_a_system_tells_whom_it_waits_for()
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cloud = Cloud(SilentMonitors(), "backup", connectTimeoutSeconds: 20);
        await using var up = CliProcess.Start(["up", "--data", In("data"), "--listen", "127.0.0.1:0", "--json"],
            new Dictionary<string, string?> { ["VBACKUP__Cloud"] = cloud }, onError: (_, line) =>
            {
                if (line.Contains("connect: no answer from the monitors for 5 s", StringComparison.Ordinal)) told.TrySetResult();
            });
        Assert.True(await up.ComesBeforeEndAsync(told.Task), "it ended");
    }

    [Fact]
    public async Task Monitors_that_do_not_answer_are_no_list()
    {
        var line = await RefusalAsync(Cloud(SilentMonitors(), "backup", connectTimeoutSeconds: 2));
        Assert.Contains("no monitor answered for 2 s", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_is_not_said_to_be_missing() =>
        Assert.Contains("/etc: connect: it is a folder", await RefusalAsync(Cloud("/etc", "backup")), StringComparison.Ordinal);

    [Fact]
    public async Task A_wrong_user_key_or_pool_is_no_list()
    {
        var ceph = Needs.Ceph();
        Assert.Contains("there is no key for this user", await RefusalAsync(Cloud(ceph, "nobody")), StringComparison.Ordinal);
        // A key that is one, and no user's.
        await File.WriteAllTextAsync(In("wrong"), "[client.backup]\n\tkey = AQBvFCVeAAAAABAAmLNFRxEO4jKz3fJGOVYsVQ==\n");
        Assert.Contains("key is wrong", await RefusalAsync(Cloud(ceph, "backup", keyring: In("wrong"))), StringComparison.Ordinal);
        Assert.Contains("pool no-such-pool: look for: there is no such pool",
            await RefusalAsync(Cloud(ceph, "backup", pools: ["no-such-pool"])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_volume_of_a_pool_that_is_not_configured_is_listed_as_not_allowed()
    {
        var ceph = Needs.Ceph();
        var ended = (await CliProcess.RunAsync(["server", "list", "--cloud", Cloud(ceph, "backup", pools: ["rbd"], pool: "elsewhere")]))
            .Expect(0);
        Assert.Contains(ended.Output, line => line.Contains("elsewhere/no-such-image", StringComparison.Ordinal)
            && line.Contains("not allowed", StringComparison.Ordinal));
        Assert.Contains((await CliProcess.RunAsync(["server", "list", "--cloud", Cloud(ceph, "backup", pools: ["rbd"])])).Expect(0).Output,
            line => line.Contains("not there", StringComparison.Ordinal));
    }

    static async Task<string> RefusalAsync(string cloud) =>
        Assert.Single((await CliProcess.RunAsync(["server", "list", "--cloud", cloud])).Expect(1).Errors);

    string SilentMonitors()
    {
        _nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        File.WriteAllText(In("ceph.conf"), $"[global]\nmon host = v2:{_nobody.LocalEndPoint}/0\nkeyring = {In("ceph.conf")}\n");
        return In("ceph.conf");
    }

    string Cloud(string configuration, string user, double connectTimeoutSeconds = 10, string? keyring = null, string[]? pools = null,
        string pool = "rbd")
    {
        File.WriteAllText(In("node.xml"), Server.Replace("POOL", pool, StringComparison.Ordinal));
        var file = In("cloud.json");
        File.WriteAllText(file, JsonSerializer.Serialize(new
        {
            kind = "libvirt+ceph",
            libvirt = new { uri = "test://" + In("node.xml") },
            ceph = new { configurationFile = configuration, user, connectTimeoutSeconds, keyringFile = keyring, pools },
        }, s_writing));
        return file;
    }

    public void Dispose()
    {
        _nobody.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
