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
            var length = file.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
            return RestoreNote.Parse(Encoding.UTF8.GetString(text, 0, length), volume);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Writes one where there is none: what is half written already stays so.</summary>
    public static void Keep(string path, RestoreNote note)
    {
        if (!File.Exists(path)) Write(path, note);
    }

    /// <param name="note">Null to remove it.</param>
    public static void Write(string path, RestoreNote? note)
    {
        if (note is not null)
        {
            WholeFile.Write(path, Encoding.UTF8.GetBytes(note.ToText()));
            return;
        }
        if (!File.Exists(path)) return;
        File.Delete(path);
        // What a power cut brought back would be of a restore that is done.
        FileIdentity.SyncFolderOf(path);
    }
}
