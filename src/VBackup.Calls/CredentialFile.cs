using System.Text;

namespace VBackup.Calls;

/// <summary>A file of one line that lets whoever has it in: only its owner may read it.</summary>
public static class CredentialFile
{
    const int LengthMin = 32, LengthMax = 1000;
    const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <param name="setting">That names the file.</param>
    /// <exception cref="CallSettingException">There is none, others may read it, or it is no credential.</exception>
    public static string Read(string setting, string path)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != 0)
                throw new CallSettingException(setting, $"{path} can be read or written by others than its owner: chmod 600 it");
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read);
            var bytes = new byte[LengthMax + 1];
            var text = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false)).Trim();
            return text.Length is < LengthMin or > LengthMax || text.Any(letter => letter is <= ' ' or > '~')
                ? throw new CallSettingException(setting, $"{path} is no credential: that is one line of {LengthMin} to {LengthMax} "
                    + "letters, digits and signs")
                : text;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CallSettingException(setting, $"{path} cannot be read: {failure.Message}");
        }
    }

    /// <summary>REQUIRES: there is no such file.</summary>
    public static void Write(string path, string credential)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var file = new FileStream(path, options);
        file.Write(Encoding.UTF8.GetBytes(credential + "\n"));
        file.Flush(flushToDisk: true);
    }
}
