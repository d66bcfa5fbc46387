using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

public sealed class DemoTests : IDisposable
{
    const int DamageFound = 3;
    static readonly string[] s_volumes = ["boot", "data"];

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-e2e-").FullName;

    string Kept => Path.Combine(_folder, "demo");

    [Fact]
    public async Task The_demo_holds_and_prints_its_table()
    {
        Needs.Program("/usr/sbin/mke2fs", "e2fsprogs");
        var demo = (await CliProcess.RunAsync(["demo"])).Expect(0);
        Assert.Contains(demo.Output, line => line.StartsWith("STEP ", StringComparison.Ordinal)
            && line.Contains("RATE", StringComparison.Ordinal));
        foreach (var step in new[] { "full backup", "incremental backup", "restore the first point", "restore the second point" })
            Assert.Contains(demo.Output, line => line.StartsWith(step, StringComparison.Ordinal)
                && line.Contains(" s ", StringComparison.Ordinal));
        Assert.Equal(3, demo.Output.Count(line => line.Contains("ORDER-OK: record ", StringComparison.Ordinal)));
        Assert.Equal(2, demo.Output.Count(line => line.Contains("filesystem consistency", StringComparison.Ordinal)));
        Assert.Contains(demo.Output, line => line.Contains("ORDER-BROKEN, as it must be", StringComparison.Ordinal));
        Assert.Contains(demo.Output, line => line.StartsWith("everything held", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_demo_restores_is_its_snapshot_and_of_one_instant()
    {
        Needs.Program("/usr/sbin/mke2fs", "e2fsprogs");
        var demo = (await CliProcess.RunAsync(["demo", "--json", "--keep", Kept])).Expect(0);
        Assert.Equal("ORDER-OK", demo.Last.GetProperty("journal").GetString());
        Assert.NotEmpty(demo.Last.GetProperty("steps").EnumerateArray());

        // Read with nothing of the demo's code: its word is not taken for it.
        Assert.True(GuestJournal.IsOfOneInstant(Restored("boot"), Restored("data")));
        foreach (var volume in s_volumes) Assert.True(IsSame(Snapshot(volume), Restored(volume)), volume);

        // The server wrote on after its snapshot, and these checks see what is not of one instant, and what is changed.
        Assert.False(GuestJournal.IsOfOneInstant(Volume("boot"), Restored("data")));
        Assert.False(IsSame(Snapshot("boot"), Volume("boot")));
        (await ComparePointAsync()).Expect(0);
        FlipByte(Snapshot("data"), 100 << 20);
        Assert.False(IsSame(Snapshot("data"), Restored("data")));
        (await ComparePointAsync()).Expect(DamageFound);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    string Volume(string name) => Path.Combine(Kept, "cloud", "volumes", name + ".raw");

    string Restored(string name) => Volume("demo-again-" + name);

    string Snapshot(string name) => Path.Combine(
        Assert.Single(Directory.GetDirectories(Path.Combine(Kept, "cloud", "instants"))), name + ".raw");

    async Task<Ended> ComparePointAsync()
    {
        string[] vault = ["--vault", Path.Combine(Kept, "vault"), "--key-file", Path.Combine(Kept, "vault.key"), "--json"];
        var point = (await CliProcess.RunAsync(["vault", "list", .. vault])).Expect(0).Events
            .Single(entry => entry.GetProperty("event").GetString() == "point").GetProperty("id").GetString()!;
        return await CliProcess.RunAsync(["edge", "compare", point, "--cloud", Path.Combine(Kept, "cloud.json"), .. vault]);
    }

    static bool IsSame(string left, string right)
    {
        using var leftFile = File.OpenRead(left);
        using var rightFile = File.OpenRead(right);
        if (leftFile.Length != rightFile.Length) return false;
        var (leftPiece, rightPiece) = (new byte[1 << 20], new byte[1 << 20]);
        while (true)
        {
            var read = leftFile.ReadAtLeast(leftPiece, leftPiece.Length, throwOnEndOfStream: false);
            if (read == 0) return true;
            rightFile.ReadExactly(rightPiece.AsSpan(0, read));
            if (!leftPiece.AsSpan(0, read).SequenceEqual(rightPiece.AsSpan(0, read))) return false;
        }
    }

    static void FlipByte(string path, long offset)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        var one = new byte[1];
        RandomAccess.Read(file, one, offset);
        one[0] ^= 1;
        RandomAccess.Write(file, one, offset);
    }
}
