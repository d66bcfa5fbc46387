using System.Runtime.InteropServices;

namespace VBackup.Clouds.Libvirt.Native;

/// <summary>The system's libvirt, with C's names. Bound by plain <c>DllImport</c>, which needs no unsafe
/// code.</summary>
internal static class LibvirtLibrary
{
    private const string Library = "libvirt.so.0";
    private const string QemuLibrary = "libvirt-qemu.so.0";

    public const uint XmlInactive = 1 << 1;
    public const uint XmlMigratable = 1 << 3;

    public const uint StartDiscardingSavedMemory = 1 << 3;      // VIR_DOMAIN_START_FORCE_BOOT

    public const uint ShutdownByPowerButton = 1 << 0;           // VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN

    public const uint UndefineSavedMemory = 1 << 0;
    public const uint UndefineSnapshotsMetadata = 1 << 1;
    public const uint UndefineNvram = 1 << 2;
    public const uint UndefineCheckpointsMetadata = 1 << 4;
    public const uint UndefineTpm = 1 << 5;

    public delegate void ErrorHandler(nint userData, nint error);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virInitialize();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern void virSetErrorFunc(nint userData, ErrorHandler handler);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virGetLastErrorCode();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virGetLastErrorMessage();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern void virResetLastError();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virEventRegisterDefaultImpl();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virEventRunDefaultImpl();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern ConnectionHandle virConnectOpen([MarshalAs(UnmanagedType.LPUTF8Str)] string? uri);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virConnectClose(nint connection);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virConnectIsAlive(ConnectionHandle connection);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virConnectSetKeepAlive(ConnectionHandle connection, int intervalSeconds, uint count);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virConnectListAllDomains(ConnectionHandle connection, out nint domains, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern DomainHandle virDomainLookupByName(
        ConnectionHandle connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern DomainHandle virDomainDefineXML(
        ConnectionHandle connection, [MarshalAs(UnmanagedType.LPUTF8Str)] string xml);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainFree(nint domain);

    /// <summary>The name belongs to the domain: it is not freed.</summary>
    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virDomainGetName(DomainHandle domain);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainGetUUID(DomainHandle domain, [Out] byte[] uuid);

    /// <summary>The text is the caller's, to be freed.</summary>
    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virDomainGetXMLDesc(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainGetState(DomainHandle domain, out int state, out int reason, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainIsActive(DomainHandle domain);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainCreateWithFlags(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainHasManagedSaveImage(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainManagedSaveRemove(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainShutdownFlags(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainDestroy(DomainHandle domain);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainUndefineFlags(DomainHandle domain, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainAgentSetResponseTimeout(DomainHandle domain, int timeoutSeconds, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainFSFreeze(DomainHandle domain, nint mountPoints, uint mountPointCount, uint flags);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int virDomainFSThaw(DomainHandle domain, nint mountPoints, uint mountPointCount, uint flags);

    /// <summary>The answer is the caller's, to be freed.</summary>
    [DllImport(QemuLibrary), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint virDomainQemuAgentCommand(
        DomainHandle domain, [MarshalAs(UnmanagedType.LPUTF8Str)] string command, int timeoutSeconds, uint flags);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern void free(nint memory);

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern int setsid();
}
