namespace VBackup.Services.Tests.Engines;

/// <summary>A file with a text in it, for as long as a test needs it.</summary>
sealed class TempFile : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-file-").FullName;

    public TempFile(string text)
    {
        Path = System.IO.Path.Combine(_folder, "file");
        File.WriteAllText(Path, text);
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
