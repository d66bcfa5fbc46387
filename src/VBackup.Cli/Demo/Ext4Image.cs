using System.Text;
using static System.FormattableString;

namespace VBackup.Cli.Demo;

/// <summary>An ext4 file system in a file, from an offset on, made and changed without mounting it.</summary>
sealed class Ext4Image(string path, long offset)
{
    readonly StringBuilder _script = new();
    readonly HashSet<string> _folders = ["/", ""];

    /// <summary>Makes an empty file system. REQUIRES: the file is there.</summary>
    /// <param name="lengthBytes">Of the whole file.</param>
    public Task FormatAsync(long lengthBytes, string label, CancellationToken cancellation) => ExternalProgram.RunAsync(
        ExternalProgram.Find("mke2fs", "e2fsprogs"),
        ["-q", "-F", "-t", "ext4", "-L", label, "-E", Invariant($"offset={offset}"), path, Invariant($"{(lengthBytes - offset) / 1024}k")],
        cancellation);

    /// <summary>Whether a file's name can stand in debugfs's script.</summary>
    public static bool CanName(string file) => !file.AsSpan().ContainsAny('"', '\\', '\n') && !file.Any(char.IsControl);

    /// <summary>Copies a file of this machine in. Nothing happens before <see cref="ApplyAsync"/>.</summary>
    public void Add(string file, string inside)
    {
        MakeFolder(System.IO.Path.GetDirectoryName(inside)!);
        _script.Append($"write \"{file}\" \"{inside}\"\n");
    }

    public void Remove(string inside) => _script.Append($"rm \"{inside}\"\n");

    /// <summary>Does what was asked for, in order.</summary>
    public async Task ApplyAsync(CancellationToken cancellation)
    {
        var script = path + ".debugfs";
        await File.WriteAllTextAsync(script, _script.ToString(), cancellation).ConfigureAwait(false);
        _script.Clear();
        await ExternalProgram.RunAsync(ExternalProgram.Find("debugfs", "e2fsprogs"),
            ["-w", "-f", script, Invariant($"{path}?offset={offset}")], cancellation)
            .ConfigureAwait(false);
        File.Delete(script);
    }

    void MakeFolder(string folder)
    {
        if (!_folders.Add(folder)) return;
        MakeFolder(System.IO.Path.GetDirectoryName(folder)!);
        _script.Append($"mkdir \"{folder}\"\n");
    }
}
