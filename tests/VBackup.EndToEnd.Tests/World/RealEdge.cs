using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>The running server on real Ceph that the lab started, and what its two disks' journal says.</summary>
internal static class RealEdge
{
    /// <summary>Tests of it run one after the other: they freeze the same guest, and a machine of two cores carries no more.</summary>
    public const string Collection = "the lab's server";

    public static string[] Disks { get; } = ["vda", "vdb"];

    /// <summary>The folder of the lab; without one the test is skipped.</summary>
    public static string Lab()
    {
        var lab = Environment.GetEnvironmentVariable("VBACKUP_TEST_EDGE");
        Assert.SkipWhen(string.IsNullOrEmpty(lab), "needs the lab's server on Ceph: run ./test.sh as root");
        return lab!;
    }

    /// <summary>Restores a disk of a point to a file.</summary>
    public static async Task<string> RestoreDiskAsync(EdgeWorld world, string point, string disk)
    {
        var file = world.Vault[disk];
        (await world.Vault.RunAsync("restore", point, "--volume", disk, "--target", file)).Expect(0);
        return file;
    }

    /// <summary>What <c>lab/journal-check</c> says of images of the two disks.</summary>
    public static async Task<(string Order, string Consistency, long Newest)> CheckJournalAsync(string first, string second)
    {
        var check = await CliProcess.RunAsync([InRepository("lab/journal-check"), first, second, "--json"], program: "/usr/bin/python3");
        Assert.InRange(check.Status, 0, 1);
        return (Text("order"), Text("consistency"), check.Last.GetProperty("a").GetProperty("newest").GetInt64());

        string Text(string name) => check.Last.GetProperty(name).GetString()!;
    }

    /// <summary>Ceph's snapshots of ours that are there now.</summary>
    public static async Task<string[]> OwnSnapshotsAsync(EdgeWorld world) =>
        [.. (await world.SnapshotNamesAsync()).Where(name => name.StartsWith("vb-", StringComparison.Ordinal))];

    public static string InRepository(string path)
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "vBackup.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return Path.Combine(folder, path);
    }
}
