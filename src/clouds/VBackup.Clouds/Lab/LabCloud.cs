using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// A cloud made of files in one folder: servers that are declared there, volumes that are sparse files, snapshots. For tests,
/// demonstrations, and a first look on a machine that has nothing. Any number of processes may open it.
/// </summary>
public sealed class LabCloud : IAsyncDisposable
{
    /// <summary>How long a call waits for somebody else, when nothing else is said. Where the file system cannot share
    /// blocks, writers wait while a snapshot is copied.</summary>
    public static readonly TimeSpan DefaultTimeLimit = TimeSpan.FromMinutes(2);

    private LabCloud(LabFolder folder)
    {
        Folder = folder;
        Hypervisor = new(folder);
        Storage = new(folder);
    }

    public LabHypervisor Hypervisor { get; }
    public LabStorage Storage { get; }
    internal LabFolder Folder { get; }

    /// <summary>Opens a lab cloud, and makes its folder where there is none.</summary>
    /// <exception cref="CloudException">The folder cannot be made.</exception>
    public static LabCloud Open(string path, TimeSpan? timeLimit = null, TimeProvider? clock = null)
    {
        try
        {
            return new(new LabFolder(path, timeLimit ?? DefaultTimeLimit, clock ?? TimeProvider.System));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CloudException(CloudFailure.NotAllowed, "open", path, failure.Message, failure);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Hypervisor.DisposeAsync().ConfigureAwait(false);
        await Storage.DisposeAsync().ConfigureAwait(false);
    }
}
