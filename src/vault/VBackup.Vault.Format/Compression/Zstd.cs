using System.Runtime.InteropServices;

namespace VBackup.Vault.Format.Compression;

/// <summary>
/// The system's libzstd. Bound by plain <c>DllImport</c> with by-reference buffers, which needs no unsafe code; the
/// runtime pins them for the call.
/// </summary>
internal static class Zstd
{
    private const string Library = "libzstd.so.1";

    public const int CompressionLevel = 100;

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint ZSTD_createCCtx();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nuint ZSTD_freeCCtx(nint context);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nuint ZSTD_CCtx_setParameter(nint context, int parameter, int value);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nuint ZSTD_compress2(
        nint context, ref byte destination, nuint capacity, ref readonly byte source, nuint length);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nint ZSTD_createDCtx();

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nuint ZSTD_freeDCtx(nint context);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern nuint ZSTD_decompressDCtx(
        nint context, ref byte destination, nuint capacity, ref readonly byte source, nuint length);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    internal static extern uint ZSTD_isError(nuint code);
}
