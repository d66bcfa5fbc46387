using System.Security.Cryptography;
using System.Text;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using VBackup.Vault.Format.Keys;

namespace VBackup.Cli.Keys;

/// <summary>A file with a key in it, for its owner's eyes only.</summary>
static class KeyFile
{
    /// <summary>Writes a new random key, durably, to a file that must not exist.</summary>
    public static void Create(string path)
    {
        var key = RandomNumberGenerator.GetBytes(KeyText.KeySize);
        var line = Encoding.ASCII.GetBytes(KeyText.Print(key) + "\n");
        var isMade = false;
        try
        {
            using (var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                BufferSize = 0,
            }))
            {
                isMade = true;
                file.Write(line);
                file.Flush(flushToDisk: true);
            }
            FileIdentity.SyncFolderOf(path);
        }
        catch (IOException) when (isMade)
        {
            // Part of a key is none, and would be taken for one: on a full disk, for example.
            File.Delete(path);
            throw;
        }
        catch (IOException) when (File.Exists(path) || Directory.Exists(path))
        {
            throw new RefusedException($"{path} exists already: a key is never overwritten; name a new file");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(line);
        }
    }
}
