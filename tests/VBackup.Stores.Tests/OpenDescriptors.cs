using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What this process has open. A child that was forked and does not run its own program yet has copies of it all.</summary>
static class OpenDescriptors
{
    /// <summary>Another descriptor of the same opening, as a child has it.</summary>
    public static SafeFileHandle CopyOf(string path)
    {
        var open = new DirectoryInfo("/proc/self/fd").EnumerateFiles().Single(file => file.LinkTarget == path);
        var copy = dup(int.Parse(open.Name, CultureInfo.InvariantCulture));
        if (copy < 0) throw new InvalidOperationException(Marshal.GetLastPInvokeErrorMessage());
        return new(copy, ownsHandle: true);
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int dup(int descriptor);
}
