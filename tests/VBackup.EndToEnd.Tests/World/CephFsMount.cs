using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A mount of a lab's CephFS by a ceph-fuse of its own, which may be killed without harm to others.</summary>
internal sealed class CephFsMount(EdgeLab lab) : IAsyncDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30), s_lookDelay = TimeSpan.FromMilliseconds(50);

    Process? _process;

    public string Folder { get; } = Directory.CreateTempSubdirectory("vbackup-fuse-").FullName;

    public async Task MountAsync()
    {
        var start = new ProcessStartInfo("/usr/bin/ceph-fuse", ["-c", lab["CEPH_CONF"], "-n", "client.admin", "-f", Folder])
        { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        // What it says is nobody's concern, but a full pipe would stop it.
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        var begun = TimeProvider.System.GetTimestamp();
        while (!IsMounted())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < s_patience, "CephFS is not mounted");
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
    }

    /// <summary>SIGKILL: the mount is still there, and answers with errors only.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>As an administrator does it: what the dead client held is given up at once, and not after five minutes.</summary>
    public async Task MountAgainAsync()
    {
        await UnmountAsync();
        foreach (var client in await ClientsAsync())
            await RunAsync("/usr/bin/ceph", "-c", lab["CEPH_CONF"], "tell", "mds.a", "client", "evict", $"id={client}");
        await MountAsync();
    }

    public static Task LimitAsync(string folder, long bytes) => RunAsync("/usr/bin/python3", "-c",
        "import os, sys; os.setxattr(sys.argv[1], 'ceph.quota.max_bytes', sys.argv[2].encode())", folder,
            bytes.ToString(CultureInfo.InvariantCulture));

    bool IsMounted() => File.ReadLines("/proc/mounts").Any(line => line.Contains($" {Folder} fuse", StringComparison.Ordinal));

    async Task<IReadOnlyList<long>> ClientsAsync()
    {
        var answer = await RunAsync("/usr/bin/ceph", "-c", lab["CEPH_CONF"], "tell", "mds.a", "client", "ls");
        using var document = JsonDocument.Parse(string.Join('\n', answer));
        return [.. document.RootElement.EnumerateArray()
            .Where(client => client.GetProperty("client_metadata").TryGetProperty("mount_point", out var at) && at.GetString() == Folder)
            .Select(client => client.GetProperty("id").GetInt64())];
    }

    async Task UnmountAsync()
    {
        if (IsMounted()) await RunAsync("/bin/umount", "-l", Folder);
        if (_process is not { } process) return;
        _process = null;
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    static async Task<IReadOnlyList<string>> RunAsync(string program, params string[] arguments) =>
        (await CliProcess.RunAsync(arguments, program: program)).Expect(0).Output;

    public async ValueTask DisposeAsync()
    {
        await UnmountAsync();
        Directory.Delete(Folder);
    }
}
