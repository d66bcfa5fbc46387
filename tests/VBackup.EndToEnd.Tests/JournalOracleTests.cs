using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>
/// Backup after backup of a guest that never stops writing: each point's two disks must be of one instant, and beside each stands a
/// pair that is not, which must be told from it.
/// </summary>
[Collection(RealEdge.Collection)]
public sealed class JournalOracleTests(ITestOutputHelper output)
{
    static readonly int s_backups = Needs.Soak ? 50 : 5;

    [Fact]
    public async Task Every_point_of_a_writing_guest_is_one_frozen_instant_and_skewed_disks_are_told_from_it()
    {
        await using var world = await EdgeWorld.OfRealServerAsync();
        var others = await RealEdge.OwnSnapshotsAsync(world);
        List<double> held = [];
        var newest = 0L;
        string? disksBefore = null;
        try
        {
            for (var round = 1; round <= s_backups; round++)
            {
                var backup = (await world.BackUpAsync()).Expect(0).Last;
                held.Add(backup.GetProperty("heldSeconds").GetDouble() * 1000);
                var point = backup.GetProperty("point").GetString()!;
                string first = await RealEdge.RestoreDiskAsync(world, point, "vda"),
                    second = await RealEdge.RestoreDiskAsync(world, point, "vdb");
                var (order, consistency, at) = await RealEdge.CheckJournalAsync(first, second);
                output.WriteLine($"{round}: {order} {consistency} at record {at}, held {held[^1]:0} ms");
                Assert.Equal((round, "ORDER-OK", "FROZEN"), (round, order, consistency));
                Assert.True(at > newest, $"round {round}: the guest wrote nothing between two points");
                newest = at;
                // The disk of this point and the other of the point before: an instant that never was.
                if (disksBefore is not null)
                    Assert.Equal("ORDER-BROKEN", (await RealEdge.CheckJournalAsync(first, disksBefore)).Order);
                disksBefore = world.Vault["before"];
                File.Move(second, disksBefore, overwrite: true);
                File.Delete(first);
            }
        }
        finally
        {
            foreach (var name in (await RealEdge.OwnSnapshotsAsync(world)).Except(others))
                (await world.ReleaseAsync(name)).Expect(0);
        }
        held.Sort();
        output.WriteLine($"{s_backups} backups, guest held: median {held[held.Count / 2]:0} ms, worst {held[^1]:0} ms");
        // The watchdog's limit; longer, and the point would not be of a frozen guest.
        Assert.InRange(held[^1], 1, 5000);
    }
}
