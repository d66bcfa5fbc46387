using System.Runtime.InteropServices;

namespace VBackup.Clouds.Libvirt.Native;

/// <summary>libvirt's backup jobs and checkpoints, with C's names.</summary>
internal static class LibvirtBackupLibrary
{
    private const string Library = "libvirt.so.0";

    public const uint CheckpointXmlNoDomain = 1 << 1;
    public const uint DeleteMetadataOnly = 1 << 1;

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainBackupBegin(
        DomainHandle domain, [MarshalAs(UnmanagedType.LPUTF8Str)] string backupXml,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string? checkpointXml, uint flags);

    /// <summary>The text is the caller's, to be freed.</summary>
    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virDomainBackupGetXMLDesc(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainAbortJob(DomainHandle domain);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainListAllCheckpoints(DomainHandle domain, out nint checkpoints, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern CheckpointHandle virDomainCheckpointLookupByName(
        DomainHandle domain, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, uint flags);

    /// <summary>The text is the caller's, to be freed.</summary>
    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virDomainCheckpointGetXMLDesc(CheckpointHandle checkpoint, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainCheckpointDelete(CheckpointHandle checkpoint, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainCheckpointFree(nint checkpoint);
}

/// <summary>A <c>virDomainCheckpointPtr</c>. libvirt itself keeps its domain open for it.</summary>
internal sealed class CheckpointHandle : SafeHandle
{
    public CheckpointHandle() : base(0, ownsHandle: true) { }

    public CheckpointHandle(nint checkpoint) : base(0, ownsHandle: true) => SetHandle(checkpoint);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => LibvirtBackupLibrary.virDomainCheckpointFree(handle) == 0;
}
