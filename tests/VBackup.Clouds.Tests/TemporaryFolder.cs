namespace VBackup.Clouds.Tests;

/// <summary>A folder that is gone after the test. Its path is short: sockets lie in it.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("vbc-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
