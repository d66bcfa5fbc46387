using System.Security.Cryptography;
using System.Text.Json;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>A session that is kept between commands, as its file has it; see docs/cli.md.</summary>
sealed record SignIn(int Version, string Url, string User, string Token, DateTimeOffset ExpiresAt, string? Project = null)
{
    public const int CurrentVersion = 1;

    // It may end in a log, and the token must not.
    public override string ToString() => $"{User} at {Url}";
}

/// <summary>The Portal that commands ask when nothing else is said.</summary>
sealed record CurrentPortal(int Version, string Url);

/// <summary>The sessions of this user of the machine: a file for each Portal, for his eyes only.</summary>
sealed class SignInFiles(string folder)
{
    const int FileSizeMax = 16 * 1024;
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>In the folder that the XDG base directory specification names.</summary>
    public static SignInFiles OfThisUser()
    {
        // A relative path is to be ignored, says the specification.
        var config = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
        if (!Path.IsPathFullyQualified(config ?? ""))
            config = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile,
                Environment.SpecialFolderOption.DoNotVerify), ".config");
        return Path.IsPathFullyQualified(config!) ? new(Path.Combine(config!, "vbackup"))
            : throw new RefusedException("there is no folder for what is kept of this user: set HOME or XDG_CONFIG_HOME");
    }

    public void Keep(SignIn signIn)
    {
        Directory.CreateDirectory(SignIns, OwnerOnly | UnixFileMode.UserExecute);
        Write(PathOf(signIn.Url), JsonSerializer.SerializeToUtf8Bytes(signIn, RemoteJson.Default.SignIn));
        Write(CurrentPath, JsonSerializer.SerializeToUtf8Bytes(new CurrentPortal(SignIn.CurrentVersion, signIn.Url),
            RemoteJson.Default.CurrentPortal));
    }

    /// <summary>Whether something is kept of it, readable or not.</summary>
    public bool Has(PortalUrl url) => File.Exists(PathOf(url.Text));

    /// <returns>Null when there is none.</returns>
    public SignIn? Find(PortalUrl url)
    {
        var path = PathOf(url.Text);
        var signIn = Read(path, RemoteJson.Default.SignIn, isSecret: true);
        if (signIn is null) return null;
        return signIn.Version == SignIn.CurrentVersion && signIn.Url == url.Text ? signIn : throw Unreadable(path);
    }

    /// <summary>The Portal that was signed in to last.</summary>
    public PortalUrl? FindCurrent() => Read(CurrentPath, RemoteJson.Default.CurrentPortal, isSecret: false) switch
    {
        null => null,
        { Version: SignIn.CurrentVersion, Url: { } url } => PortalUrl.Read(url),
        _ => throw Unreadable(CurrentPath),
    };

    /// <summary>Nothing of it stays.</summary>
    public void Forget(PortalUrl url)
    {
        if (Directory.Exists(SignIns)) File.Delete(PathOf(url.Text));
        if (FindCurrent() == url) File.Delete(CurrentPath);
    }

    string SignIns => Path.Combine(folder, "sign-ins");

    string CurrentPath => Path.Combine(folder, "current.json");

    string PathOf(string url) => Path.Combine(SignIns, $"{Uri.EscapeDataString(url)}.json");

    /// <summary>A file that others see is whole: it takes its name when it is written.</summary>
    static void Write(string path, byte[] bytes)
    {
        var unfinished = $"{path}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        try
        {
            using (var file = new FileStream(unfinished, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0,
            }))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }
            File.Move(unfinished, path, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, bool isSecret) where T : class
    {
        if (!File.Exists(path)) return null;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (isSecret && (File.GetUnixFileMode(file.SafeFileHandle) & ~(OwnerOnly | UnixFileMode.UserExecute)) != 0)
            throw new RefusedException($"{path} has a token, and others of this machine may read it: "
                + "sign out and in again ('vbackup logout', 'vbackup login')");
        var bytes = new byte[FileSizeMax];
        var length = file.ReadAtLeast(bytes, FileSizeMax, throwOnEndOfStream: false);
        try
        {
            if (length < FileSizeMax && JsonSerializer.Deserialize(bytes.AsSpan(0, length), type) is { } read) return read;
        }
        catch (JsonException)
        {
            // Said below, without what it holds.
        }
        throw Unreadable(path);
    }

    static RefusedException Unreadable(string path) =>
        new($"{path} is not what this version of vbackup wrote: delete it, and sign in again ('vbackup login')");
}
