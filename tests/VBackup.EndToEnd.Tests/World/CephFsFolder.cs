using System.Security.Cryptography;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A folder on the lab's CephFS, gone after the test.</summary>
internal sealed class CephFsFolder(string path) : IDisposable
{
    public static CephFsFolder Make()
    {
        var mount = Environment.GetEnvironmentVariable("VBACKUP_TEST_CEPHFS");
        Assert.SkipWhen(string.IsNullOrEmpty(mount), "needs the lab's CephFS: run ./test.sh as root");
        // Where nothing is mounted is a folder too, and everything would pass in it.
        Assert.Contains(File.ReadLines("/proc/mounts"), line => line.Contains($" {mount} ", StringComparison.Ordinal)
            && line.Contains("ceph", StringComparison.Ordinal));
        var path = Path.Combine(mount, $"vbackup-e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}");
        Directory.CreateDirectory(path);
        return new(path);
    }

    public string this[string name] => Path.Combine(path, name);

    public string[] Files() => [.. Directory.EnumerateFiles(path).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(path, recursive: true);
}
