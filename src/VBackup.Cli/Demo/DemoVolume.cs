using VBackup.Clouds.Lab;
using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Demo;

/// <summary>
/// A volume of the demo's server, a file of the lab cloud: where a disk has its partition table, the guest keeps its journal, and
/// behind that lies a file system with files of this machine.
/// </summary>
sealed class DemoVolume(LabStorage storage, string name, long lengthBytes)
{
    // As a disk's first partition; the guest's journal takes less.
    const long FileSystemOffset = 1 << 20;
    const int RemovedEvery = 100;

    readonly Ext4Image _image = new(storage.PathOf(new(name)), FileSystemOffset);
    List<string> _files = [];

    /// <summary>Of the server's disk, and of the volume.</summary>
    public string Name => name;

    public VolumeId Id { get; } = new(name);
    public long LengthBytes => lengthBytes;

    /// <summary>Bytes of the volume that were not holes when it was filled.</summary>
    public long AllocatedBytes { get; private set; }

    public int Files => _files.Count;

    public async Task MakeAsync(List<string> files, CancellationToken cancellation)
    {
        _files = files;
        await storage.CreateAsync(Id, lengthBytes, cancellation).ConfigureAwait(false);
        // The volume is held for writing: nobody else writes while the tools of the file system do.
        var held = await storage.OpenWriterAsync(Id, new(), cancellation).ConfigureAwait(false);
        await using (held.ConfigureAwait(false))
        {
            await _image.FormatAsync(lengthBytes, name, cancellation).ConfigureAwait(false);
            foreach (var file in files) _image.Add(file, file);
            await _image.ApplyAsync(cancellation).ConfigureAwait(false);
        }
        var filled = await storage.OpenReaderAsync(Id, cancellation).ConfigureAwait(false);
        await using (filled.ConfigureAwait(false)) AllocatedBytes = filled.AllocatedExtents().Sum(extent => extent.Length);
    }

    /// <summary>A day's work: some files go, some are replaced by others, some are new. REQUIRES: the server is shut down.</summary>
    public async Task ChangeAsync(List<string> others, CancellationToken cancellation)
    {
        var held = await storage.OpenWriterAsync(Id, new(), cancellation).ConfigureAwait(false);
        await using var letting = held.ConfigureAwait(false);
        for (var i = 0; i < _files.Count; i += RemovedEvery) _image.Remove(_files[i]);
        for (var i = 0; i < others.Count; i++)
        {
            // Every second one takes the place of a file that has just gone.
            var replaced = i * RemovedEvery;
            _image.Add(others[i], i % 2 == 0 && replaced < _files.Count ? _files[replaced] : $"/new{others[i]}");
        }
        await _image.ApplyAsync(cancellation).ConfigureAwait(false);
    }
}
