using System.Text;

namespace VBackup.Clouds.Volumes;

/// <summary>A <see cref="RestoreNote"/> in a file beside its volume. Blocking.</summary>
public static class RestoreNoteFile
{
    /// <exception cref="CloudException">What is there makes no sense.</exception>
    public static RestoreNote? Read(string path, string volume)
    {
        try
        {
            using var file = File.OpenRead(path);
            var text = new byte[RestoreNote.TextBytesMax];
            return RestoreNote.Parse(Encoding.UTF8.GetString(text, 0, file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false)), volume);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <param name="note">Null to remove it.</param>
    public static void Write(string path, RestoreNote? note)
    {
        // Removed as a whole, too: what a power cut brings back would be of a restore that is done.
        if (note is not null) WholeFile.Write(path, Encoding.UTF8.GetBytes(note.ToText()));
        else if (File.Exists(path))
        {
            File.Delete(path);
            FileIdentity.SyncFolderOf(path);
        }
    }
}
