using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;

namespace VBackup.Cli.Demo;

/// <summary>
/// The demo's server, in a lab cloud: two volumes, and a guest that keeps a journal on both while the server runs. Disposing it
/// ends the guest, as pulling the plug would.
/// </summary>
sealed class DemoServer(string folder) : IAsyncDisposable
{
    public const string Name = "demo-server";

    const long MiB = 1 << 20;
    const long BootFilesBytes = 320 * MiB, DataFilesBytes = 176 * MiB;
    const long BootChangeBytes = 16 * MiB, DataChangeBytes = 12 * MiB;
    const int FilesPerVolumeMax = 12_000;
    const int ChangedFilesMax = 2_000;
    // Far enough for the volumes of two points to be told apart, and seen to be written.
    const int RecordsAtStart = 4;
    static readonly TimeSpan s_stopPatience = TimeSpan.FromSeconds(30);

    readonly LabCloud _cloud = LabCloud.Open(Path.Combine(folder, DemoRun.CloudFolder));
    MachineFiles? _files;
    LabGuest? _guest;

    /// <summary>Null before they are made.</summary>
    public IReadOnlyList<DemoVolume> Volumes { get; private set; } = [];

    public long LogicalBytes => Volumes.Sum(volume => volume.LengthBytes);

    /// <summary>The last record of the journal that both volumes have. REQUIRES: the server runs.</summary>
    public long Written => _guest!.Journal.Written;

    /// <summary>Makes the volumes of this machine's files, and declares the server.</summary>
    public async Task MakeAsync(CancellationToken cancellation)
    {
        _files = MachineFiles.Find(BootFilesBytes + DataFilesBytes + 4 * (BootChangeBytes + DataChangeBytes), cancellation);
        // A small machine gives what it has, and leaves some for the change.
        var share = Math.Min(1, _files.TotalBytes * 0.9 / (BootFilesBytes + DataFilesBytes));
        DemoVolume boot = new(_cloud.Storage, "boot", 384 * MiB), data = new(_cloud.Storage, "data", 224 * MiB);
        await boot.MakeAsync(_files.Take((long)(BootFilesBytes * share), FilesPerVolumeMax), cancellation).ConfigureAwait(false);
        await data.MakeAsync(_files.Take((long)(DataFilesBytes * share), FilesPerVolumeMax), cancellation).ConfigureAwait(false);
        Volumes = [boot, data];
        await _cloud.Hypervisor.DeclareAsync(
            Name, [.. Volumes.Select(volume => new ServerDisk(volume.Name, volume.Id))], cancellation).ConfigureAwait(false);
    }

    /// <summary>Starts it, and returns when its guest writes.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        await _cloud.Hypervisor.StartAsync(Name, cancellation).ConfigureAwait(false);
        _guest = await LabGuest.StartAsync(_cloud, Name, cancellation).ConfigureAwait(false);
        await WriteAsync(RecordsAtStart, cancellation).ConfigureAwait(false);
    }

    /// <summary>Returns when so many more records are written.</summary>
    /// <exception cref="InvalidOperationException">The guest has ended.</exception>
    public Task WriteAsync(int records, CancellationToken cancellation) => _guest!.Journal.ReachAsync(Written + records, cancellation);

    /// <summary>Shuts it down; the guest has ended when this returns.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        await _cloud.Hypervisor.StopAsync(Name, s_stopPatience, cancellation).ConfigureAwait(false);
        await EndGuestAsync().ConfigureAwait(false);
    }

    /// <summary>REQUIRES: it is shut down.</summary>
    public async Task ChangeAsync(CancellationToken cancellation)
    {
        await Volumes[0].ChangeAsync(_files!.Take(BootChangeBytes, ChangedFilesMax), cancellation).ConfigureAwait(false);
        await Volumes[1].ChangeAsync(_files.Take(DataChangeBytes, ChangedFilesMax), cancellation).ConfigureAwait(false);
    }

    async Task EndGuestAsync()
    {
        if (_guest is not { } guest) return;
        _guest = null;
        await guest.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await EndGuestAsync().ConfigureAwait(false);
        await _cloud.DisposeAsync().ConfigureAwait(false);
    }
}
