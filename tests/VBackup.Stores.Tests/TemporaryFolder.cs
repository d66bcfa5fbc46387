namespace VBackup.Vault.Stores.Tests;

/// <summary>A folder that is gone after the test.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("vbackup-stores-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
