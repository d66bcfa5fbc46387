using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A lab of <c>lab/edge</c>: the one that all tests share, or one of a test's own, which may be broken.</summary>
internal sealed partial class EdgeLab : IAsyncDisposable
{
    // Far from where lab/ceph looks for free ports by itself, so that two labs that start at once do not take the same;
    // below the ports of connections that go out, which come and go between the look and the daemon's start.
    const int FirstPort = 23300, PortStep = 200, LastPort = 32000, S3Port = 80;

    static readonly string s_script = RealEdge.InRepository("lab/edge"), s_cephScript = RealEdge.InRepository("lab/ceph");

    readonly string _folder;
    readonly bool _isOwn;
    Dictionary<string, string> _settings = [];

    EdgeLab(string folder, bool isOwn) => (_folder, _isOwn) = (folder, isOwn);

    public static async Task<EdgeLab> SharedAsync()
    {
        var lab = new EdgeLab(RealEdge.Lab(), isOwn: false);
        await lab.ReadSettingsAsync();
        return lab;
    }

    public static async Task<EdgeLab> StartAsync()
    {
        var lab = new EdgeLab(Directory.CreateTempSubdirectory("e").FullName, isOwn: true);
        try
        {
            await RunAsync(s_script, "up", lab._folder, "--port", FreePort().ToString(CultureInfo.InvariantCulture),
                "--journal-ms", "100");
            await lab.ReadSettingsAsync();
            return lab;
        }
        catch
        {
            // What was started before it failed must not stay behind.
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>A variable of <c>lab/edge env</c>.</summary>
    public string this[string variable] => _settings[variable];

    /// <summary>With which programs that use its S3 are run.</summary>
    public Dictionary<string, string?> S3Variables =>
        ((string[])["AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
            .ToDictionary(name => name, name => (string?)this[name]);

    /// <summary>Ends, stops or continues one of Ceph's daemons.</summary>
    public Task SignalAsync(string daemon, string signal) =>
        RunAsync(s_cephScript, "signal", Path.Combine(_folder, "ceph"), daemon, signal);

    /// <summary>Starts what is gone of Ceph, and waits until all is well.</summary>
    public Task MendAsync() => RunAsync(s_cephScript, "up", Path.Combine(_folder, "ceph"));

    /// <summary>One more server, whose guest formats its disks if they are blank, and writes its journal.</summary>
    public Task StartServerAsync(string name, params string[] images) => RunAsync(s_script, ["server", _folder, name, .. images]);

    public async Task<string> ConsoleAsync(string server) => string.Join('\n', await RunAsync(s_script, "console", _folder, server));

    public Task<IReadOnlyList<string>> VirshAsync(params string[] arguments) =>
        RunAsync("/usr/bin/virsh", ["-q", "-c", this["VBACKUP_TEST_LIBVIRT_URI"], .. arguments]);

    /// <summary>As the administrator.</summary>
    public Task<IReadOnlyList<string>> RbdAsync(params string[] arguments) =>
        RunAsync("/usr/bin/rbd", ["-c", this["CEPH_CONF"], .. arguments]);

    /// <inheritdoc cref="RbdAsync"/>
    public Task<IReadOnlyList<string>> CephAsync(params string[] arguments) =>
        RunAsync("/usr/bin/ceph", ["-c", this["CEPH_CONF"], .. arguments]);

    public Task<IReadOnlyList<string>> RadosGatewayAsync(params string[] arguments) =>
        RunAsync("/usr/bin/radosgw-admin", ["-c", this["CEPH_CONF"], .. arguments]);

    async Task ReadSettingsAsync() => _settings = (await RunAsync(s_script, "env", _folder)).Select(line => Setting().Match(line))
        .Where(match => match.Success).ToDictionary(match => match.Groups["name"].Value, match => match.Groups["value"].Value);

    static async Task<IReadOnlyList<string>> RunAsync(string program, params string[] arguments) =>
        (await CliProcess.RunAsync(arguments, program: program)).Expect(0).Output;

    static int FreePort()
    {
        for (var port = FirstPort; port < LastPort; port += PortStep)
            if (IsFree(port) && IsFree(port + S3Port)) return port;
        throw new InvalidOperationException("no free ports");

        static bool IsFree(int port)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return true;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                return false;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isOwn) return;
        await RunAsync(s_script, "wipe", _folder);
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [GeneratedRegex("^export (?<name>[A-Z0-9_]+)='?(?<value>[^']*)'?$")]
    private static partial Regex Setting();
}
