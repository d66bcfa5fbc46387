using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Clouds.Volumes;

/// <summary>A path names something that is not to be read as a file.</summary>
public sealed class NotAFileException(string message) : IOException(message);

/// <summary>
/// Opens for reading what somebody else has named, and may put something else in its place at any time: a pipe, whose other end would be
/// waited for forever, a socket, a device. What was looked at is what is opened.
/// </summary>
public static class NamedFile
{
    private const int NoSuchFile = 2, NotPermitted = 1, NotAllowed = 13, NotAFolder = 20;   // ENOENT, EPERM, EACCES, ENOTDIR

    /// <param name="allowsDevices">A block device will do as well as a regular file.</param>
    /// <param name="followsLinks">Whether the name may be a link's. Where others may write to the folder, it could lead anywhere.</param>
    /// <exception cref="NotAFileException">It is something else.</exception>
    /// <exception cref="IOException">It is not there, cannot be read, or somebody has it for himself alone.</exception>
    public static SafeFileHandle OpenToRead(string path, bool allowsDevices = false, bool followsLinks = true)
    {
        // Whatever it is, it is not opened yet: nothing waits, and nothing is read.
        using var looked = NativeFile.OpenToLook(path, followsLinks, out var error) ?? throw Failed(path, error);
        var again = NativeFile.PathOf(looked);
        var kind = FileIdentity.Of(again)?.Kind ?? FileKind.Other;
        if (kind != FileKind.RegularFile && !(allowsDevices && kind == FileKind.BlockDevice)) throw NotOne(path, kind, allowsDevices);
        try
        {
            return File.OpenHandle(again, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (UnauthorizedAccessException)
        {
            throw Failed(path, NotAllowed);
        }
        catch (IOException busy) when (busy.HResult == NativeFile.Again)
        {
            throw new IOException($"{path} is being used by another process", NativeFile.Again);
        }
    }

    private static NotAFileException NotOne(string path, FileKind kind, bool allowsDevices)
    {
        var found = kind switch
        {
            FileKind.Folder => "a folder",
            FileKind.BlockDevice => "a device",
            FileKind.Link => "a link, which is not followed",
            _ => allowsDevices ? "neither a file nor a block device" : "a pipe, a socket or a device",
        };
        return new($"{path} is {found}; name a file{(allowsDevices ? " or a block device" : "")}");
    }

    private static Exception Failed(string path, int error) => error switch
    {
        NoSuchFile when Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))) =>
            new FileNotFoundException($"Could not find file '{path}'.", path),
        NoSuchFile or NotAFolder => new DirectoryNotFoundException($"Could not find a part of the path '{path}'."),
        NotPermitted or NotAllowed => new UnauthorizedAccessException($"Access to the path '{path}' is denied."),
        _ => new IOException($"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}", error),
    };
}
