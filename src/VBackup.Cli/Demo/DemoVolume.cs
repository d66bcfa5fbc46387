using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Demo;

/// <summary>A volume of the demo's server: an image now, and a copy of what it was at the first backup.</summary>
sealed class DemoVolume(string name, string folder, long lengthBytes)
{
    const int RemovedEvery = 100;
    readonly Ext4Image _image = new(Path.Combine(folder, name + ".img"));
    List<string> _files = [];

    public string Name => name;
    public long LengthBytes => lengthBytes;
    public string ImagePath => _image.Path;
    public string FirstStatePath { get; } = Path.Combine(folder, name + ".first.img");

    /// <summary>Bytes of the image that are not holes.</summary>
    public long AllocatedBytes { get; private set; }

    public int Files => _files.Count;

    public async Task FillAsync(List<string> files, CancellationToken cancellation)
    {
        _files = files;
        await _image.FormatAsync(lengthBytes, cancellation).ConfigureAwait(false);
        foreach (var file in files) _image.Add(file, file);
        await _image.ApplyAsync(cancellation).ConfigureAwait(false);
        AllocatedBytes = await ByteComparison.CopyAsync(ImagePath, FirstStatePath, cancellation).ConfigureAwait(false);
    }

    /// <summary>A day's work on the server: some files go, some are replaced by others, some are new.</summary>
    public async Task ChangeAsync(List<string> others, CancellationToken cancellation)
    {
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
