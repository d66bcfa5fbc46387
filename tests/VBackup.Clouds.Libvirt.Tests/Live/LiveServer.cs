using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

/// <summary>
/// A running guest of our own with two disks, defined from the lab's server, on the lab's libvirt; gone after the
/// tests. The lab is named by VBACKUP_TEST_LIBVIRT_URI and VBACKUP_TEST_SERVER; without them the tests are skipped.
/// </summary>
public sealed class LiveServer : IAsyncLifetime
{
    static readonly string? LabUri = Environment.GetEnvironmentVariable("VBACKUP_TEST_LIBVIRT_URI");
    static readonly string? LabServer = Environment.GetEnvironmentVariable("VBACKUP_TEST_SERVER");
    static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(2);

    readonly string folder = Directory.CreateTempSubdirectory("vbackup-libvirt-").FullName;
    LibvirtHypervisor? hypervisor;

    public string Name { get; } = $"vbt-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5))}";

    public static string Uri => LabUri!;

    public LibvirtHypervisor Hypervisor
    {
        get
        {
            SkipWithoutLab();
            return hypervisor!;
        }
    }

    public static string Template => LabServer!;

    public static void SkipWithoutLab() => Assert.SkipWhen(
        string.IsNullOrEmpty(LabUri) || string.IsNullOrEmpty(LabServer), "needs the lab's libvirt and its server: run ./test.sh");

    /// <summary>A file of zeros, for a disk; the guest makes a file system on it.</summary>
    public string NewDisk(string name)
    {
        var path = Path.Combine(folder, name);
        using var file = File.Create(path);
        file.SetLength(64L << 20);
        return path;
    }

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(LabUri) || string.IsNullOrEmpty(LabServer)) return;
        hypervisor = new(new LibvirtSettings(LabUri) { AgentLimit = TimeSpan.FromSeconds(3) }, TimeProvider.System);
        await DefineAsync(Name);
        await hypervisor.StartAsync(Name, CancellationToken.None);
        await UntilAsync(BootLimit, "the guest has booted", async () =>
        {
            var frozen = await hypervisor.FreezeAsync(Name, CancellationToken.None);
            if (frozen > 0) await hypervisor.ThawAsync(Name, CancellationToken.None);
            return frozen == 2;
        });
    }

    /// <summary>A server like the lab's, with disks of its own that are files.</summary>
    public async Task<Server> DefineAsync(string name)
    {
        var saved = await hypervisor!.ReadConfigurationAsync(LabServer!, CancellationToken.None);
        return await hypervisor.DefineAsync(
            name, saved,
            new Dictionary<string, VolumeId>
            {
                ["vda"] = new(NewDisk($"{name}-a.raw")), ["vdb"] = new(NewDisk($"{name}-b.raw")),
            },
            CancellationToken.None);
    }

    public Task<bool> IsFrozenAsync() => Hypervisor.IsFrozenAsync(Name, CancellationToken.None);

    /// <summary>The guest's agent hangs for a while, beginning a while from now. It stops itself, by way of a shell
    /// that outlives that.</summary>
    public async Task LetAgentHangAsync(int fromSeconds, int forSeconds)
    {
        var script = string.Create(
            CultureInfo.InvariantCulture,
            $"P=$(pidof qemu-ga); sleep {fromSeconds}; kill -STOP $P; sleep {forSeconds}; kill -CONT $P");
        var command = """{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","SCRIPT"]}}"""
            .Replace("SCRIPT", script, StringComparison.Ordinal);
        await VirshAsync("qemu-agent-command", Name, command);
    }

    /// <summary>Gives a server that is shut down more disks, as somebody does who knows nothing of us.</summary>
    public async Task AttachAsync(string name, string disks)
    {
        var before = (await Hypervisor.ReadConfigurationAsync(name, CancellationToken.None)).Text;
        var file = Path.Combine(folder, $"{name}.xml");
        await File.WriteAllTextAsync(file, before.Replace("</devices>", disks + "</devices>", StringComparison.Ordinal));
        await VirshAsync("define", file);
    }

    static async Task VirshAsync(params string[] command)
    {
        using var virsh = Process.Start(new ProcessStartInfo("virsh", ["-q", "-c", Uri, .. command]) { RedirectStandardOutput = true })!;
        _ = await virsh.StandardOutput.ReadToEndAsync();
        await virsh.WaitForExitAsync();
        Assert.Equal(0, virsh.ExitCode);
    }

    /// <summary>Other processes and the guest say by no event what we wait for here.</summary>
    public static async Task UntilAsync(TimeSpan limit, string what, Func<Task<bool>> isSo)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < limit, $"not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (hypervisor is not null)
        {
            await hypervisor.StopAsync(Name, TimeSpan.Zero, CancellationToken.None);
            await hypervisor.RemoveAsync(Name, CancellationToken.None);
            await hypervisor.DisposeAsync();
        }
        Directory.Delete(folder, recursive: true);
    }
}

/// <summary>They freeze the same guest: one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class LiveServerTests : ICollectionFixture<LiveServer>
{
    public const string Name = "live server";
}
