using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>What a test needs of the machine; without it, the test is skipped and says why.</summary>
internal static class Needs
{
    public static bool Soak => Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1";

    public static void Program(string path, string package) =>
        Assert.SkipUnless(File.Exists(path), $"needs {path}: apt-get install {package}");

    public static async Task PythonCryptographyAsync()
    {
        Program("/usr/bin/python3", "python3");
        var found = await CliProcess.RunAsync(["-c", "import cryptography"], program: "/usr/bin/python3");
        Assert.SkipUnless(found.Status == 0, "needs cryptography for Python: apt-get install python3-cryptography");
    }

    public static void S3() => Assert.SkipWhen(
        string.IsNullOrEmpty(Environment.GetEnvironmentVariable("VBACKUP_TEST_S3_ENDPOINT")), "needs the lab's radosgw: run ./test.sh");

    /// <summary>The lab's Ceph.</summary>
    /// <returns>Its configuration file.</returns>
    public static string Ceph()
    {
        var configuration = Environment.GetEnvironmentVariable("VBACKUP_TEST_CEPH_CONF");
        Assert.SkipWhen(string.IsNullOrEmpty(configuration), "needs the lab's Ceph: run ./test.sh");
        return configuration!;
    }
}
