using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Platform.Secrets;
using VBackup.Primitives;
using VBackup.Service.Keys;
using VBackup.Vault;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Recovering;

/// <summary>What was given to open vaults with: keys of projects as text, or the master key of the system that was lost.</summary>
sealed class RecoveryKeys : IDisposable
{
    const int FileSizeMax = 4096;

    readonly List<byte[]> _keys = [];
    readonly List<MasterKey> _masters = [];

    RecoveryKeys() { }

    /// <exception cref="RefusedException">A file holds neither.</exception>
    public static RecoveryKeys Read(IEnumerable<string> files)
    {
        var keys = new RecoveryKeys();
        try
        {
            foreach (var file in files) keys.Add(file);
            return keys;
        }
        catch
        {
            keys.Dispose();
            throw;
        }
    }

    void Add(string path)
    {
        if (Directory.Exists(path)) throw new RefusedException($"{path} is a folder: name a key file");
        using var file = File.OpenRead(path);
        var bytes = GC.AllocateUninitializedArray<byte>(FileSizeMax, pinned: true);
        try
        {
            var length = file.ReadAtLeast(bytes, FileSizeMax, throwOnEndOfStream: false);
            // A master key is bytes, every other key is a line of text, which is longer.
            if (length == MasterKey.Size) _masters.Add(new(bytes.AsSpan(0, length)));
            else _keys.Add(Parse(path, bytes.AsSpan(0, length)));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    static byte[] Parse(string path, ReadOnlySpan<byte> bytes)
    {
        var text = GC.AllocateUninitializedArray<char>(bytes.Length, pinned: true);
        var key = GC.AllocateUninitializedArray<byte>(KeyText.KeySize, pinned: true);
        try
        {
            Encoding.Latin1.GetChars(bytes, text);
            KeyText.Parse(text, key);
            return key;
        }
        catch (KeyTextException wrong)
        {
            throw new RefusedException($"{path} is neither a project's key nor a master key: {wrong.Message}");
        }
        finally
        {
            text.AsSpan().Clear();
        }
    }

    /// <summary>Keys that may open a project's vault: those that were given, and its own, where the vault has a copy that the master key
    /// opens.</summary>
    public async Task<IReadOnlyList<byte[]>> OfAsync(IObjectStore vault, ProjectId project, CancellationToken cancellation)
    {
        List<byte[]> keys = [.. _keys];
        if (_masters.Count == 0) return keys;
        foreach (var copy in await LockedKeys.ReadAllAsync(vault, cancellation).ConfigureAwait(false))
        {
            if (Read(copy) is not { } locked || locked.Project != project) continue;
            foreach (var master in _masters)
            {
                try
                {
                    keys.Add(new ProjectSecrets(master).UnwrapKey(project, locked.Wrapped));
                }
                catch (WrongMasterKeyException)
                {
                    // Of another system, or an earlier one's that the store holds, or it was altered: another key may open the vault.
                }
            }
        }
        return keys;
    }

    static LockedKey? Read(byte[] copy)
    {
        try
        {
            return JsonSerializer.Deserialize(copy, WorkJson.Default.LockedKey) is { Format: 1, Wrapped: not null } locked ? locked : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        foreach (var key in _keys) CryptographicOperations.ZeroMemory(key);
        foreach (var master in _masters) master.Dispose();
    }
}
