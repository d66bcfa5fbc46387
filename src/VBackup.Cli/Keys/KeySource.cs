using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using VBackup.Cli.Terminal;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Format.Keys;

namespace VBackup.Cli.Keys;

/// <summary>Where the key to a vault is to be had: a key file (or a recovery key, which is the same), or a passphrase.</summary>
sealed record KeySource(string Path, bool IsPassphrase)
{
    const int FileSizeMax = 64 * 1024;

    static readonly Option<string> s_keyFile =
        new("--key-file") { HelpName = "FILE", Description = "The key file, or a file with the recovery key." };
    static readonly Option<string> s_passphraseFile =
        new("--passphrase-file") { HelpName = "FILE", Description = "A file with a passphrase, in place of a key file." };

    public static void AddOptions(Command command)
    {
        command.Add(s_keyFile);
        command.Add(s_passphraseFile);
    }

    public static KeySource Read(ParseResult parsed) =>
        Choose(parsed.GetValue(s_keyFile), parsed.GetValue(s_passphraseFile), "--key-file", "--passphrase-file");

    /// <summary>One of two options, and only one.</summary>
    public static KeySource Choose(string? keyFile, string? passphraseFile, string keyOption, string passphraseOption) =>
        (keyFile, passphraseFile) switch
        {
            ({ } path, null) => new(path, IsPassphrase: false),
            (null, { } path) => new(path, IsPassphrase: true),
            (null, null) => throw new UsageException($"give {keyOption} FILE or {passphraseOption} FILE"),
            _ => throw new UsageException($"give {keyOption} or {passphraseOption}, not both"),
        };

    /// <summary>Reads what opens the vault; the caller disposes it.</summary>
    /// <exception cref="RefusedException">The file holds no key, or no passphrase.</exception>
    public Task<VaultUnlock> ReadUnlockAsync(CancellationToken cancellation) =>
        // A pipe opens when somebody opens its other end, and only the thread that waits for that cannot be called back.
        Task.Run(ReadUnlock, CancellationToken.None).WaitAsync(cancellation);

    VaultUnlock ReadUnlock()
    {
        var bytes = ReadBounded();
        try
        {
            return IsPassphrase ? AsPassphrase(bytes) : AsKey(bytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    VaultUnlock AsPassphrase(ReadOnlySpan<byte> bytes)
    {
        // Editors end the line; the end is not part of the passphrase.
        if (bytes.EndsWith("\n"u8)) bytes = bytes[..^1];
        if (bytes.EndsWith("\r"u8)) bytes = bytes[..^1];
        return bytes.IsEmpty
            ? throw new RefusedException($"{Path} is empty: it must hold the passphrase")
            : VaultUnlock.WithPassphrase(bytes);
    }

    VaultUnlock AsKey(ReadOnlySpan<byte> bytes)
    {
        var text = GC.AllocateUninitializedArray<char>(bytes.Length, pinned: true);
        Span<byte> key = stackalloc byte[KeyText.KeySize];
        try
        {
            var length = Encoding.Latin1.GetChars(bytes, text);
            KeyText.Parse(text.AsSpan(0, length), key);
            return VaultUnlock.WithKey(key);
        }
        catch (KeyTextException wrong)
        {
            throw new RefusedException($"{Path} is not a key file: {wrong.Message}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            text.AsSpan().Clear();
        }
    }

    byte[] ReadBounded()
    {
        if (Directory.Exists(Path)) throw new RefusedException($"{Path} is a folder: name a file");
        using var file = File.OpenRead(Path);
        var bytes = GC.AllocateUninitializedArray<byte>(FileSizeMax, pinned: true);
        var length = file.ReadAtLeast(bytes, FileSizeMax, throwOnEndOfStream: false);
        if (length == FileSizeMax)
            throw new RefusedException($"{Path} is too large for a {(IsPassphrase ? "passphrase" : "key file")}");
        var content = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        bytes.AsSpan(0, length).CopyTo(content);
        CryptographicOperations.ZeroMemory(bytes);
        return content;
    }
}
