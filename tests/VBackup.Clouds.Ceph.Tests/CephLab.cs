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
            "create", volume.Value, "--size", lengthBytes.ToString(CultureInfo.InvariantCulture) + "B", "--image-feature", features, .. more]);
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

    /// <summary>Removes everything that this run has made, whatever a failed test left of it.</summary>
    public async ValueTask DisposeAsync()
    {
        if (storage is null) return;
        await storage.DisposeAsync();
        // Nothing of this lab is anybody's: it was started for the tests.
        foreach (var group in Lines(await RbdAsync("group", "ls", Pool)))
        {
            foreach (var line in Lines(await RbdAsync("group", "snap", "ls", $"{Pool}/{group}")).Skip(1))
                if ((await RbdAsync("group", "image", "ls", $"{Pool}/{group}")).Contains(run, StringComparison.Ordinal))
                    await RbdAsync("group", "snap", "rm", $"{Pool}/{group}@{line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]}");
            if ((await RbdAsync("group", "image", "ls", $"{Pool}/{group}")).Contains(run, StringComparison.Ordinal)
                || group.Contains(run, StringComparison.Ordinal))
                await RbdAsync("group", "rm", $"{Pool}/{group}");
        }
        // Children were made after their parents, and go before them.
        var images = Lines(await RbdAsync("ls", Pool)).Where(name => name.Contains($"-{run}-", StringComparison.Ordinal))
            .OrderByDescending(name => int.Parse(name[(name.LastIndexOf('-') + 1)..], CultureInfo.InvariantCulture));
        foreach (var image in images)
        {
            if (parents.Contains($"{Pool}/{image}@origin")) await RbdAsync("snap", "unprotect", $"{Pool}/{image}@origin");
            await RbdAsync("snap", "purge", $"{Pool}/{image}");
            await RbdAsync("rm", $"{Pool}/{image}");
        }
    }

    static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
