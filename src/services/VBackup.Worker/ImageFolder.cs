using System.Text.RegularExpressions;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Edge.Running;

namespace VBackup.Worker;

/// <summary>Where a region's image files are: a folder on CephFS in which each project has one of its own.</summary>
/// <param name="root">Null where there is none.</param>
public sealed partial class ImageFolder(string? root)
{
    const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The path of a file in a project's folder, which is made where there is none. The file need not be there.</summary>
    /// <exception cref="IOException">The folder for images is not there now.</exception>
    /// <exception cref="RefusedException">There is none, the name is none, the path leads out of the project's folder, or what is there is
    /// no file.</exception>
    public string FileFor(ProjectId project, string name)
    {
        if (root is null) throw new RefusedException("this worker has no folder for images: it needs the setting Worker:ImageFolder");
        if (!FileName().IsMatch(name)) throw new RefusedException($"'{name}' is no name of an image file");
        if (!Directory.Exists(root)) throw new IOException("the folder for images is not there now");
        var folder = Path.Combine(FileIdentity.RealPath(root), project.ToString());
        Directory.CreateDirectory(folder, OwnersOnly);
        var file = Path.Combine(folder, name);
        // A link could name another project's file, or one of this machine.
        if (FileIdentity.RealPath(file) != file || new FileInfo(file).LinkTarget is not null)
            throw new RefusedException($"the file {name} leads out of the project's folder for images: links are not followed");
        return FileIdentity.Of(file) is null or { Kind: FileKind.RegularFile } ? file
            : throw new RefusedException($"what is called {name} is no file: a pipe, a socket, a device or a folder is neither read "
                + "nor written");
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex FileName();
}
