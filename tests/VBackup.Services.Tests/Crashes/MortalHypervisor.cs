using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Services.Tests.Crashes;

/// <summary>The hypervisor as one process sees it, as long as it lives.</summary>
/// <param name="look">What looking at servers is to this process.</param>
sealed class MortalHypervisor(IHypervisor hypervisor, SimulatedGuest guest, Life life, Place look) : IHypervisor
{
    public string Description => hypervisor.Description;

    public Task<IReadOnlyList<Server>> ListAsync(CancellationToken cancellation) => life.DoAsync(look, hypervisor.ListAsync, cancellation);

    public Task<Server?> FindAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(look, stop => hypervisor.FindAsync(name, stop), cancellation);

    public Task<ServerConfiguration> ReadConfigurationAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(look, stop => hypervisor.ReadConfigurationAsync(name, stop), cancellation);

    public IReadOnlyList<LeftOutDisk> LeftOutOf(ServerConfiguration configuration) => hypervisor.LeftOutOf(configuration);

    public Task<Server> DefineAsync(string name, ServerConfiguration configuration, IReadOnlyDictionary<string, VolumeId> volumes,
        CancellationToken cancellation) =>
        life.DoAsync(Place.DefineServer, stop => hypervisor.DefineAsync(name, configuration, volumes, stop), cancellation);

    public Task RemoveAsync(string name, CancellationToken cancellation, string? id = null) =>
        life.DoAsync(Place.DefineServer, stop => hypervisor.RemoveAsync(name, stop, id), cancellation);

    public Task<bool> StartAsync(string name, CancellationToken cancellation) => life.DoAsync(Place.StartServer, async stop =>
    {
        var isStarted = await hypervisor.StartAsync(name, stop);
        await guest.LookAsync();
        return isStarted;
    }, cancellation);

    public Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation) => life.DoAsync(Place.StopServer, async stop =>
    {
        await hypervisor.StopAsync(name, patience, stop);
        await guest.LookAsync();
    }, cancellation);

    public Task<bool> DropSavedMemoryAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(look, stop => hypervisor.DropSavedMemoryAsync(name, stop), cancellation);

    public Task<int?> FreezeAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(Place.Freeze, _ => Task.FromResult(guest.Freeze()), cancellation);

    public Task<bool> IsFrozenAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(Place.AskFrozen, _ => Task.FromResult(guest.IsFrozen), cancellation);

    public Task<int> ThawAsync(string name, CancellationToken cancellation) =>
        life.DoAsync(Place.Thaw, _ => Task.FromResult(guest.Thaw()), cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
