using System.Text;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// The lab cloud's servers. A server is a file that says so; its guest is whatever program writes to its volumes
/// (<see cref="LabGuest"/>), and the guest's agent is the socket that this program listens on. Thread-safe, and safe beside
/// other processes that use the same folder.
/// </summary>
public sealed class LabHypervisor : IHypervisor
{
    /// <summary>Of a lab server's configuration.</summary>
    public const string ConfigurationKind = "lab";

    private readonly LabFolder _folder;

    internal LabHypervisor(LabFolder folder) => _folder = folder;

    public string Description => _folder.Path;

    /// <summary>Declares a server that is shut down.</summary>
    /// <exception cref="CloudException">There is one already.</exception>
    public Task<Server> DeclareAsync(string name, IReadOnlyList<ServerDisk> disks, CancellationToken cancellation) =>
        DeclareAsync(name, disks, size: null, cancellation);

    /// <inheritdoc cref="DeclareAsync(string, IReadOnlyList{ServerDisk}, CancellationToken)"/>
    internal Task<Server> DeclareAsync(string name, IReadOnlyList<ServerDisk> disks, ServerSize? size, CancellationToken cancellation) =>
        new FileCall("declare", name, cancellation).RunAsync(async () =>
        {
            if (!LabFolder.IsName(name))
                throw new CloudException(
                    CloudFailure.Other, "declare", name, "a lab server's name has 1 to 100 letters, digits, '_', '-' and '.'");
            using var all = await HoldFolderAsync("declare", cancellation).ConfigureAwait(false);
            if (ServerFile.Find(_folder, name) is not null)
                throw new CloudException(CloudFailure.Exists, "declare", name, "there is one already");
            var id = Guid.CreateVersion7(_folder.Clock.GetUtcNow()).ToString();
            var server = new Server(name, id, ServerState.Shutdown, [.. disks]) { Size = size };
            ServerFile.Write(_folder, server);
            return server;
        });

    public Task<IReadOnlyList<Server>> ListAsync(CancellationToken cancellation) =>
        new FileCall("list", _folder.Path, cancellation).RunAsync(
            () => Task.FromResult<IReadOnlyList<Server>>(ServerFile.ReadAll(_folder)));

    public Task<Server?> FindAsync(string name, CancellationToken cancellation) =>
        new FileCall("look at", name, cancellation).RunAsync(() => Task.FromResult(ServerFile.Find(_folder, name)));

    public Task<ServerConfiguration> ReadConfigurationAsync(string name, CancellationToken cancellation) =>
        new FileCall("read configuration", name, cancellation).RunAsync(() => Task.FromResult(new ServerConfiguration(
            ConfigurationKind,
            Encoding.UTF8.GetString(ServerFile.Format(
                ServerFile.Require(_folder, name, "read configuration") with { State = ServerState.Shutdown })))));

    public IReadOnlyList<LeftOutDisk> LeftOutOf(ServerConfiguration configuration) => configuration.Kind != ConfigurationKind ? []
        : ServerFile.Parse("a saved server", Encoding.UTF8.GetBytes(configuration.Text)).LeftOut;

    public Task<Server> DefineAsync(
        string name, ServerConfiguration configuration, IReadOnlyDictionary<string, VolumeId> volumes,
        CancellationToken cancellation) => new FileCall("define", name, cancellation).RunAsync(() =>
        {
            if (configuration.Kind != ConfigurationKind)
                throw new CloudException(
                    CloudFailure.NotSupported, "define", name,
                    $"the configuration is of the kind {configuration.Kind}, not {ConfigurationKind}");
            var saved = ServerFile.Parse(name, Encoding.UTF8.GetBytes(configuration.Text));
            foreach (var disk in volumes.Keys)
            {
                if (!saved.Disks.Any(known => known.Name == disk))
                    throw new CloudException(
                        CloudFailure.NotFound, "define", name, $"the configuration has no disk {disk}");
            }
            return DeclareAsync(
                name,
                [.. saved.Disks.Where(disk => volumes.ContainsKey(disk.Name))
                    .Select(disk => disk with { Volume = volumes[disk.Name] })],
                saved.Size, cancellation);
        });

    public Task RemoveAsync(string name, CancellationToken cancellation, string? id = null) =>
        new FileCall("remove", name, cancellation).RunAsync(async () =>
        {
            using var all = await HoldFolderAsync("remove", cancellation).ConfigureAwait(false);
            if (ServerFile.Find(_folder, name) is not { } server || id is not null && server.Id != id) return;
            if (server.State != ServerState.Shutdown)
                throw new CloudException(CloudFailure.InUse, "remove", name, "it is not shut down: stop it first");
            File.Delete(_folder.AgentSocket(name));
            File.Delete(_folder.ServerPath(name));
            FileIdentity.SyncFolderOf(_folder.ServerPath(name));
        });

    public Task<bool> StartAsync(string name, CancellationToken cancellation) =>
        new FileCall("start", name, cancellation).RunAsync(
            () => SetStateAsync(name, ServerState.Running, "start", cancellation));

    /// <summary>A guest that has not ended in time is shut out of its volumes, which is what pulling its plug comes to.</summary>
    public Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation) =>
        new FileCall("stop", name, cancellation).RunAsync(async () =>
        {
            var server = ServerFile.Require(_folder, name, "stop");
            if (server.State == ServerState.Shutdown) return;
            await TryAskToStopAsync(name, cancellation).ConfigureAwait(false);
            await _folder.TryForAsync(() => server.Disks.All(IsFree) ? server : null, patience, cancellation)
                .ConfigureAwait(false);
            using (await HoldFolderAsync("stop", cancellation).ConfigureAwait(false))
            {
                foreach (var disk in server.Disks.Where(disk => !IsFree(disk)))
                    (await LabStorage.ShutOutAsync(_folder, disk.Volume, cancellation).ConfigureAwait(false)).Dispose();
            }
            await SetStateAsync(name, ServerState.Shutdown, "stop", cancellation).ConfigureAwait(false);
        });

    /// <summary>A lab server's memory is never saved.</summary>
    public Task<bool> DropSavedMemoryAsync(string name, CancellationToken cancellation) =>
        new FileCall("drop the saved memory", name, cancellation).RunAsync(() =>
        {
            _ = ServerFile.Require(_folder, name, "drop the saved memory");
            return Task.FromResult(false);
        });

    public Task<int?> FreezeAsync(string name, CancellationToken cancellation) =>
        AskAsync(name, LabAgent.Freeze, cancellation);

    public async Task<bool> IsFrozenAsync(string name, CancellationToken cancellation) =>
        await AskAsync(name, LabAgent.Status, cancellation).ConfigureAwait(false) > 0;

    public async Task<int> ThawAsync(string name, CancellationToken cancellation) =>
        await AskAsync(name, LabAgent.Thaw, cancellation).ConfigureAwait(false) ?? 0;

    private Task<int?> AskAsync(string name, string command, CancellationToken cancellation) =>
        new FileCall(command, name, cancellation).RunAsync(async () =>
            ServerFile.Require(_folder, name, command).State == ServerState.Running
                ? await LabAgent.AskAsync(_folder, name, command, cancellation).ConfigureAwait(false)
                : null);

    // A guest that does not hear is ended all the same.
    private async Task TryAskToStopAsync(string name, CancellationToken cancellation)
    {
        try
        {
            await LabAgent.AskAsync(_folder, name, LabAgent.Stop, cancellation).ConfigureAwait(false);
        }
        catch (CloudException silent) when (silent.Failure is CloudFailure.TimedOut or CloudFailure.Other)
        {
            return;
        }
    }

    private bool IsFree(ServerDisk disk)
    {
        if (!_folder.Has(disk.Volume)) return true;
        using var place = FileLock.TryHold(_folder.WriterLock(disk.Volume), isExclusive: true);
        return place is not null;
    }

    /// <returns>Whether it was changed.</returns>
    private async Task<bool> SetStateAsync(string name, ServerState state, string operation, CancellationToken cancellation)
    {
        using var all = await HoldFolderAsync(operation, cancellation).ConfigureAwait(false);
        var server = ServerFile.Require(_folder, name, operation);
        if (server.State == state || state == ServerState.Running && server.State == ServerState.Paused) return false;
        foreach (var disk in state == ServerState.Running ? server.Disks : [])
        {
            _folder.Require(disk.Volume, operation);
            if (!IsFree(disk))
                throw new CloudException(
                    CloudFailure.InUse, operation, name, $"somebody has {disk.Volume} open for writing");
        }
        ServerFile.Write(_folder, server with { State = state });
        return true;
    }

    private Task<FileLock> HoldFolderAsync(string operation, CancellationToken cancellation) =>
        _folder.HoldAsync(_folder.FolderLock, isExclusive: true, operation, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
