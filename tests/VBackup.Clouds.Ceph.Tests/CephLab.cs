using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using Xunit;

[assembly: AssemblyFixture(typeof(VBackup.Clouds.Ceph.Tests.CephLab))]

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>
/// The real Ceph that VBACKUP_TEST_CEPH_CONF names; without it the tests are skipped. Everything runs as the restricted user
/// that a backup has; only what stands for others (images of all kinds, foreign groups) is made by the administrator.
/// </summary>
public sealed class CephLab : IAsyncLifetime
{
    public const string Pool = "rbd";
    static readonly string? Configuration = Environment.GetEnvironmentVariable("VBACKUP_TEST_CEPH_CONF");

    readonly string run = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
    CephStorage? storage;
    readonly ConcurrentBag<string> parents = [];
    int names;

    public static CephSettings Settings => new() { ConfigurationFile = Configuration ?? "", User = "backup" };

    public CephStorage Storage
    {
        get
        {
            Skip();
            return storage!;
        }
    }

    /// <summary>Whether the tests may take hours.</summary>
    public static bool IsSoak => Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1";

    public static void Skip() => Assert.SkipWhen(string.IsNullOrEmpty(Configuration), "needs the lab's Ceph: run ./test.sh");

    public ValueTask InitializeAsync()
    {
        if (!string.IsNullOrEmpty(Configuration)) storage = new(Settings);
        return ValueTask.CompletedTask;
    }

    public string NewName(string word) =>
        $"{word}-{run}-{Interlocked.Increment(ref names).ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Makes a volume as vBackup does.</summary>
    public async Task<VolumeId> NewVolumeAsync(long lengthBytes)
    {
        var volume = new VolumeId($"{Pool}/{NewName("test")}");
        await Storage.CreateAsync(volume, lengthBytes, default);
        return volume;
    }

    /// <summary>Makes an image as others do.</summary>
    public async Task<VolumeId> NewImageAsync(long lengthBytes, string features, params string[] more)
    {
        Skip();
        var volume = new VolumeId($"{Pool}/{NewName("test")}");
        await RbdAsync([
            "create", volume.Value, "--size", lengthBytes.ToString(CultureInfo.InvariantCulture) + "B", "--image-feature", features,
                .. more]);
        return volume;
    }

    /// <summary>A snapshot of the image from which others are cloned.</summary>
    public async Task<string> NewParentAsync(VolumeId volume)
    {
        var snapshot = $"{volume}@origin";
        await RbdAsync("snap", "create", snapshot);
        await RbdAsync("snap", "protect", snapshot);
        parents.Add(snapshot);
        return snapshot;
    }

    public static Task<string> RbdAsync(params string[] arguments)
    {
        Skip();
        return CommandLine.RunAsync("rbd", ["-c", Configuration!, .. arguments]);
    }

    public static Task<string> RadosAsync(params string[] arguments)
    {
        Skip();
        return CommandLine.RunAsync("rados", ["-c", Configuration!, "-p", Pool, .. arguments]);
    }

    public static Task<string> CephAsync(params string[] arguments)
    {
        Skip();
        return CommandLine.RunAsync("ceph", ["-c", Configuration!, .. arguments]);
    }

    internal static Guest NewGuest()
    {
        Skip();
        return new(Settings);
    }

    /// <summary>What the tests have made goes with the lab, which was started for them; its names are this run's alone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (storage is not null) await storage.DisposeAsync();
    }
}
