using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Tests;

public sealed class LabHypervisorTests : HypervisorConformance
{
    const long Length = 1024 * 1024;
    readonly TemporaryFolder _folder = new();
    readonly LabCloud _cloud;

    public LabHypervisorTests() => _cloud = LabCloud.Open(_folder.Path);

    protected override ValueTask<IHypervisor> OpenAsync() => new(_cloud.Hypervisor);

    protected override async Task DeclareAsync(string name) => await _cloud.Hypervisor.DeclareAsync(
        name, [new("vda", await MakeVolumeAsync(name + "-boot")), new("vdb", await MakeVolumeAsync(name + "-data"))],
        new(2, 4L << 30), Token);

    protected override async Task<VolumeId> MakeVolumeAsync(string name)
    {
        await _cloud.Storage.CreateAsync(new(name), Length, Token);
        return new(name);
    }

    protected override async Task<IAsyncDisposable> RunAgentAsync(string server) => await LabGuest.StartAsync(_cloud, server, Token);

    protected override ValueTask CleanUpAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
