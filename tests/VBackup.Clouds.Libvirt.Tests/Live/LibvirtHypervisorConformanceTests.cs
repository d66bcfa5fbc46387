using System.Diagnostics;
using System.Security.Cryptography;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Tests;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

/// <summary>Servers of their own on the lab's libvirt, like the lab's, with disks that are files.</summary>
public sealed class LibvirtHypervisorConformanceTests : HypervisorConformance
{
    static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(3);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vbackup-servers-");
    readonly string _prefix = $"vbc-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(5))}-";

    public LibvirtHypervisorConformanceTests() => LiveServer.SkipWithoutLab();

    // A guest that has just begun to boot hears no power button.
    protected override TimeSpan Patience => TimeSpan.FromSeconds(1);

    static LibvirtHypervisor Connect() => new(new LibvirtSettings(LiveServer.Uri), TimeProvider.System);

    protected override ValueTask<IHypervisor> OpenAsync() => new(Connect());

    protected override string Named(string name) => _prefix + name;

    protected override Task<VolumeId> MakeVolumeAsync(string name)
    {
        var path = Path.Combine(_folder.FullName, name + ".raw");
        using var file = File.Create(path);
        file.SetLength(64L << 20);
        return Task.FromResult(new VolumeId(path));
    }

    protected override async Task DeclareAsync(string name)
    {
        var saved = await Hypervisor.ReadConfigurationAsync(LiveServer.Template, Token);
        await Hypervisor.DefineAsync(name, saved, new Dictionary<string, VolumeId>
        {
            ["vda"] = await MakeVolumeAsync(name + "-a"), ["vdb"] = await MakeVolumeAsync(name + "-b"),
        }, Token);
    }

    protected override async Task<IAsyncDisposable> RunAgentAsync(string server)
    {
        // It may answer before the file systems are there.
        await LiveServer.UntilAsync(BootLimit, "the guest has booted", async () =>
        {
            var frozen = await Hypervisor.FreezeAsync(server, Token);
            if (frozen is not null) await Hypervisor.ThawAsync(server, Token);
            return frozen == 2;
        });
        return new Nothing();
    }

    protected override async Task SaveMemoryAsync(string server)
    {
        using var virsh = Process.Start("virsh", ["-q", "-c", LiveServer.Uri, "managedsave", server]);
        await virsh.WaitForExitAsync(Token);
        Assert.Equal(0, virsh.ExitCode);
    }

    protected override async ValueTask CleanUpAsync()
    {
        await using var hypervisor = Connect();
        foreach (var server in (await hypervisor.ListAsync(default)).Where(server =>
            server.Name.StartsWith(_prefix, StringComparison.Ordinal)))
        {
            await hypervisor.StopAsync(server.Name, TimeSpan.Zero, default);
            await hypervisor.RemoveAsync(server.Name, default);
        }
        _folder.Delete(recursive: true);
    }

    /// <summary>The guest's agent ends with the guest.</summary>
    sealed class Nothing : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
