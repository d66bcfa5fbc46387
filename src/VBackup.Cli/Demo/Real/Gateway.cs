using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using VBackup.Cli.Terminal;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Demo.Real;

/// <summary>
/// One more radosgw on the lab's Ceph: the S3 that the demo's vault is in, which may be killed without harm to others that use the lab.
/// </summary>
sealed class Gateway(Lab lab) : IAsyncDisposable
{
    static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(60);

    readonly int _port = FreePort();
    Process? _process;

    /// <summary>What the program's command line looks for.</summary>
    public IReadOnlyDictionary<string, string> Variables => new Dictionary<string, string>
    {
        ["AWS_ENDPOINT_URL_S3"] = $"http://127.0.0.1:{_port}",
        ["AWS_ACCESS_KEY_ID"] = lab["AWS_ACCESS_KEY_ID"],
        ["AWS_SECRET_ACCESS_KEY"] = lab["AWS_SECRET_ACCESS_KEY"],
        ["AWS_REGION"] = lab["AWS_REGION"],
    };

    public Task MakeBucketAsync(string bucket, CancellationToken cancellation) =>
        StoreLocation.MakeBucketAsync($"s3://{bucket}", new() { Variable = Variables.GetValueOrDefault }, cancellation);

    /// <summary>With all that is in it.</summary>
    public Task RemoveBucketAsync(string bucket) => ExternalProgram.RunAsync(ExternalProgram.Find("radosgw-admin", "radosgw"),
        ["-c", lab.CephConfiguration, "bucket", "rm", $"--bucket={bucket}", "--purge-objects", "--bypass-gc"], CancellationToken.None);

    public async Task StartAsync(CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(ExternalProgram.Find("radosgw", "radosgw"))
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        // The lab's own has the control socket and the log.
        foreach (var argument in (string[])["-c", lab.CephConfiguration, "-n", "client.rgw.lab", "-f",
            $"--rgw_frontends=beast endpoint=127.0.0.1:{_port}", "--admin_socket=", "--log_file="]) start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new RefusedException("radosgw could not be started");
        // What it says is nobody's concern, but a full pipe would stop it.
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await Patience.UntilAsync(s_startLimit, "S3 listens", ListensAsync, cancellation).ConfigureAwait(false);
    }

    /// <summary>SIGKILL, as by a power cut.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) return;
        _process = null;
        process.Kill();
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        process.Dispose();
    }

    public async ValueTask DisposeAsync() => await KillAsync().ConfigureAwait(false);

    async Task<bool> ListensAsync()
    {
        if (_process is not { HasExited: false }) throw new RefusedException("radosgw ended by itself");
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, _port).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
