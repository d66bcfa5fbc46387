using System.Diagnostics;
using System.Globalization;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>A cluster for one class of tests, whose disk may be stopped without hurting anybody else.</summary>
public sealed class PrivateCluster : IAsyncDisposable
{
    readonly DirectoryInfo folder;
    bool isStopped;

    PrivateCluster(DirectoryInfo folder) => this.folder = folder;

    public string Configuration => Path.Combine(folder.FullName, "ceph.conf");

    /// <summary>Impatient: a test shall not wait long for what never answers.</summary>
    public CephSettings Settings => new()
    {
        ConfigurationFile = Configuration, User = "backup",
        OperationTimeout = TimeSpan.FromSeconds(3), CallTimeout = TimeSpan.FromSeconds(10),
    };

    public static async Task<PrivateCluster> StartAsync()
    {
        CephLab.Skip();
        var cluster = new PrivateCluster(Directory.CreateTempSubdirectory("c"));
        try
        {
            await CommandLine.RunAsync(Script, "up", cluster.folder.FullName, "--no-rgw");
            // A client that was stopped is no watcher any more after this time.
            await CommandLine.RunAsync(
                "ceph", "-c", cluster.Configuration, "config", "set", "osd", "osd_client_watch_timeout", "3");
            return cluster;
        }
        catch
        {
            // What was started before it failed must not stay behind.
            await cluster.DisposeAsync();
            throw;
        }
    }

    static string Script
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at.FullName, "vBackup.slnx"))) at = at.Parent!;
            return Path.Combine(at.FullName, "lab", "ceph");
        }
    }

    public async Task StopDiskAsync()
    {
        isStopped = true;
        await SignalAsync("-STOP", DiskProcess);
    }

    public async Task LetDiskGoOnAsync()
    {
        isStopped = false;
        await SignalAsync("-CONT", DiskProcess);
    }

    public static Task SignalAsync(string signal, int process) =>
        CommandLine.RunAsync("kill", signal, process.ToString(CultureInfo.InvariantCulture));

    int DiskProcess =>
        int.Parse(File.ReadAllText(Path.Combine(folder.FullName, "run", "osd.0.pid")).Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>Starts a program that writes to a volume at random until it is ended.</summary>
    public Process StartWriting(string volume)
    {
        var start = new ProcessStartInfo("rbd", [
            "-c", Configuration, "--id", "backup", "bench", "--io-type", "write", "--io-pattern", "rand", "--io-size", "4K",
            "--io-threads", "4", "--io-total", "1T", "--rbd-cache=false", volume])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    public async ValueTask DisposeAsync()
    {
        if (isStopped) await LetDiskGoOnAsync();
        await CommandLine.RunAsync(Script, "wipe", folder.FullName);
        if (folder.Exists) folder.Delete(recursive: true);
    }
}
