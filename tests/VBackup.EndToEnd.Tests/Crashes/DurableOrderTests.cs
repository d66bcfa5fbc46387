using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Crashes;

/// <summary>
/// A killed process loses nothing that the kernel has; a loss of power does. So the calls themselves are looked at: what is
/// synced, when it gets its name, and that its folder is synced before anything rests on it.
/// </summary>
public sealed class DurableOrderTests
{
    [Fact]
    public async Task Content_is_synced_before_it_gets_its_name_and_the_name_before_anything_rests_on_it()
    {
        SystemCalls.Need();
        await using var vault = await CliVault.MakeAsync();
        var first = Contents.Mixed(1, 1_500_001);
        await vault.BackUpAsync(first);
        var basePoint = vault.Complete.Keys.Single();
        var second = Contents.Change(2, first, 60).Content;
        await File.WriteAllBytesAsync(vault.Source, second);

        var full = await RunAsync(vault, vault.BackupArguments());
        var incremental = await RunAsync(vault, vault.BackupArguments("--base", basePoint));
        foreach (var calls in (SystemCalls[])[full, incremental])
        {
            var point = Assert.Single(calls.Named, named => named.Object.StartsWith("points/", StringComparison.Ordinal));
            // The point is valid as soon as it has its name, so all it needs is durable by then.
            calls.ExpectAllDurableBefore(point.Begin);
            Assert.DoesNotContain(calls.Named, named => named.Begin > point.Begin && IsData(named.Object));
        }
        // The full finds everything that it needs in no other pack than its own.
        Assert.Contains(full.Named, named => named.Object.StartsWith("packs/", StringComparison.Ordinal));
        Assert.Contains(full.Named, named => named.Object.StartsWith("index/", StringComparison.Ordinal));

        var deletion = await RunAsync(vault, vault.Arguments("delete", basePoint));
        Assert.Contains(deletion.Removed, removed => removed.Object == $"points/{basePoint}");

        var collection = await RunAsync(vault, vault.Arguments("gc"));
        var removed = collection.Removed.Where(item => IsData(item.Object)).ToList();
        Assert.Contains(removed, item => item.Object.StartsWith("packs/", StringComparison.Ordinal));
        Assert.Contains(removed, item => item.Object.StartsWith("index/", StringComparison.Ordinal));
        // Copies and the merged index are durable before what they replace goes.
        collection.ExpectAllDurableBefore(removed.Min(item => item.Begin));
        // A condemnation that came back without its packs would be harmless; packs that came back without it would not.
        var packsAreGone = collection.DurableAt(removed.Where(item => item.Object.StartsWith("packs/", StringComparison.Ordinal)));
        Assert.All(collection.Removed.Where(item => item.Object.StartsWith("condemned/", StringComparison.Ordinal)),
            item => Assert.True(item.Begin > packsAreGone, $"{item.Object} was removed before its packs were gone for certain"));
    }

    [Fact]
    public async Task A_restore_has_synced_its_target_when_it_says_that_it_is_done()
    {
        SystemCalls.Need();
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync(Contents.Mixed(1, 1_500_001));
        var target = vault["target"];
        var calls = await SystemCalls.OfAsync(vault, vault.Arguments("restore", vault.Complete.Keys.Single(), "--target", target));
        Assert.Contains(target, calls.Synced);
        Assert.Contains(vault.Folder, calls.Synced);
    }

    static bool IsData(string name) =>
        name.StartsWith("packs/", StringComparison.Ordinal) || name.StartsWith("index/", StringComparison.Ordinal);

    static async Task<SystemCalls> RunAsync(CliVault vault, string[] arguments)
    {
        var calls = await SystemCalls.OfAsync(vault, arguments);
        calls.ExpectSyncedBeforeNamed();
        calls.ExpectAllDurableBefore(int.MaxValue);
        return calls;
    }
}
