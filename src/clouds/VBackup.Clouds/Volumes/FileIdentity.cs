using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Clouds.Volumes;

/// <summary>What kind of thing a path names.</summary>
public enum FileKind
{
    RegularFile,
    BlockDevice,
    Folder,

    /// <summary>A symbolic link, where links are not followed.</summary>
    Link,

    /// <summary>A pipe, a socket, a character device: nothing that holds a volume.</summary>
    Other,
}

/// <summary>Which file or device a path names, whatever it is called: the same under every link and every mount.</summary>
/// <param name="Major">Of the file system's device; for a block device, its own.</param>
/// <param name="Minor">See <paramref name="Major"/>.</param>
/// <param name="Inode">In that file system; 0 for a block device.</param>
public readonly record struct FileIdentity(FileKind Kind, uint Major, uint Minor, ulong Inode)
{
    private const int StatusSize = 256, ModeAt = 28, InodeAt = 32, BlocksAt = 48, OwnMajorAt = 128, MajorAt = 136;
    private const long BlockBytes = 512;
    private const int TypeMask = 0xF000, RegularType = 0x8000, BlockType = 0x6000, FolderType = 0x4000, LinkType = 0xA000;

    /// <summary>Follows links. Opens nothing, so it never waits.</summary>
    /// <returns>Null when there is no such file, or it may not be looked at.</returns>
    public static FileIdentity? Of(string path)
    {
        var status = new byte[StatusSize];
        if (NativeFile.Status(path, status) != 0) return null;
        // struct statx is laid out alike on every machine: see statx(2).
        var kind = (BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt)) & TypeMask) switch
        {
            RegularType => FileKind.RegularFile,
            BlockType => FileKind.BlockDevice,
            FolderType => FileKind.Folder,
            LinkType => FileKind.Link,
            _ => FileKind.Other,
        };
        var device = status.AsSpan(kind == FileKind.BlockDevice ? OwnMajorAt : MajorAt);
        return new(kind, BinaryPrimitives.ReadUInt32LittleEndian(device), BinaryPrimitives.ReadUInt32LittleEndian(device[4..]),
            kind == FileKind.BlockDevice ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(status.AsSpan(InodeAt)));
    }

    /// <summary>How large a volume is that a file holds: as much is allocated as the file's blocks are, and no more than its length. Of a
    /// device nobody knows.</summary>
    /// <param name="lengthBytes">Of the volume.</param>
    public static VolumeSize SizeOf(string path, long lengthBytes)
    {
        var status = new byte[StatusSize];
        if (NativeFile.Status(path, status) != 0) return new(lengthBytes, null);
        if ((BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt)) & TypeMask) != RegularType) return new(lengthBytes, null);
        var blocks = BinaryPrimitives.ReadUInt64LittleEndian(status.AsSpan(BlocksAt));
        return new(lengthBytes, Math.Min((long)blocks * BlockBytes, lengthBytes));
    }

    /// <summary>The absolute path without links; for one that does not exist, its folder's with the name behind it.</summary>
    public static string RealPath(string path)
    {
        var full = Path.GetFullPath(path);
        var buffer = new byte[NativeFile.PathSizeMax];
        if (NativeFile.RealPath(full, buffer)) return Encoding.UTF8.GetString(buffer, 0, Array.IndexOf(buffer, (byte)0));
        return Path.GetDirectoryName(full) is { } folder ? Path.Combine(RealPath(folder), Path.GetFileName(full)) : full;
    }

    /// <summary>Makes a new name in a folder durable.</summary>
    /// <exception cref="IOException">The folder cannot be synced.</exception>
    public static void SyncFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        var error = NativeFile.SyncFolder(folder);
        if (error is not (0 or NativeFile.Invalid or NativeFile.NotSupported))
            throw new IOException($"{folder} could not be synced: {Marshal.GetPInvokeErrorMessage(error)}");
    }
}
