using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Faults;

/// <summary>What is done to the vault while its store fails.</summary>
public enum Work
{
    /// <summary>Looks for known chunks in the whole vault.</summary>
    Full,
    /// <summary>On the second point.</summary>
    Incremental,
    /// <summary>Deletes the first point.</summary>
    Delete,
    /// <summary>After the first point was deleted; rewrites its pack.</summary>
    Collect,
    /// <summary>Of all data.</summary>
    Verify,
    /// <summary>Of the second point.</summary>
    Restore,
}

/// <summary>
/// A vault with two points over a memory store, one work on it through a store that fails, and what must hold afterwards
/// over the memory store itself.
/// </summary>
internal sealed class FaultStory
{
    private readonly Dictionary<string, byte[]> _complete = [];
    private readonly byte[] _next;
    private readonly Work _work;
    private PointDocument _first = null!, _second = null!;
    private bool _deletes;

    private FaultStory(Work work, byte[] next) => (_work, _next) = (work, next);

    public MemoryStore Memory { get; } = new();

    public static async Task<FaultStory> BeginAsync(Work work)
    {
        var first = Contents.Mixed(1, 600_001);
        var (second, changed) = Contents.Change(2, first, 60, 9000);
        var story = new FaultStory(work, Contents.Change(3, second, 20, 9000).Content);
        await using var vault = TestVault.Over(story.Memory);
        story._first = await vault.BackUpAsync(first);
        story._second = await vault.BackUpAsync(second, story._first, changed);
        story._complete[story._first.Id] = first;
        story._complete[story._second.Id] = second;
        if (work == Work.Collect) await vault.DeleteAsync(story._first);
        if (work is Work.Collect) story._complete.Remove(story._first.Id);
        story._deletes = work == Work.Delete;
        return story;
    }

    /// <summary>Does the work.</summary>
    /// <returns>Whether it said that it was done; false when it failed in one of the ways that are allowed.</returns>
    public async Task<bool> WorkAsync(IObjectStore store, CancellationToken cancellation = default)
    {
        await using var vault = TestVault.Over(store);
        try
        {
            switch (_work)
            {
                case Work.Full:
                    _complete[(await vault.BackUpAsync([("disk", _next)], cancellation: cancellation)).Id] = _next;
                    break;
                case Work.Incremental:
                    _complete[(await vault.BackUpAsync([("disk", _next)], _second, cancellation: cancellation)).Id] = _next;
                    break;
                case Work.Delete:
                    await store.DeleteAsync(ObjectNames.Points + _first.Id, cancellation);
                    _complete.Remove(_first.Id);
                    break;
                case Work.Collect:
                    await Collector.RunAsync(vault.Vault, new() { SessionTimeout = TimeSpan.Zero, FilterSalt = 1 }, null, cancellation);
                    break;
                case Work.Verify:
                    Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, cancellation)).IsSound,
                        "a failing store is no damage");
                    break;
                case Work.Restore:
                    Assert.Equal(_complete[_second.Id], await vault.RestoreAsync(_second, cancellation: cancellation));
                    break;
            }
            return true;
        }
        catch (Exception failure) when (failure is StoreException or OperationCanceledException or CollectorExpelledException)
        {
            // Never damage, never a bug of ours: the store failed, and that is what is told.
            return false;
        }
    }

    /// <summary>What was complete is complete, the next run works, and in the end nothing is left behind.</summary>
    public async Task CheckAsync()
    {
        await using var vault = TestVault.Over(Memory);
        var points = await vault.PointsAsync();
        if (_deletes && points.TrueForAll(point => point.Id != _first.Id)) _complete.Remove(_first.Id);
        Assert.Empty(_complete.Keys.Except(points.Select(point => point.Id)));
        // A point that became complete, though its writer could not know it any more, is a point like any other.
        foreach (var point in points)
            Assert.Equal(_complete.GetValueOrDefault(point.Id, _next), await vault.RestoreAsync(point));
        await ExpectSoundAsync(vault);

        var again = await vault.BackUpAsync(_next);
        Assert.Equal(_next, await vault.RestoreAsync(again));
        await vault.CollectAsync();
        points = await vault.PointsAsync();
        foreach (var point in points)
            Assert.Equal(_complete.GetValueOrDefault(point.Id, _next), await vault.RestoreAsync(point));
        await ExpectSoundAsync(vault);

        foreach (var point in points) await vault.DeleteAsync(point);
        await vault.CollectAsync();
        // A session that never ended and was decided stays: its writer may wake up.
        var left = await vault.ObjectsAsync();
        Assert.DoesNotContain(left, entry => !left.Exists(other => other.Name == $"{entry.Name}.decision")
            && !entry.Name.EndsWith(".decision", StringComparison.Ordinal)
            && !entry.Name.EndsWith(".revoked", StringComparison.Ordinal));
        await foreach (var unfinished in Memory.ListUnfinishedAsync(default)) Assert.Fail($"{unfinished.Name} is left unfinished");
    }

    private static async Task ExpectSoundAsync(TestVault vault)
    {
        var result = await Verifier.RunAsync(vault.Vault, allData: true, null, default);
        Assert.True(result.IsSound, string.Join(", ", result.Damages.Select(damage => $"{damage.ObjectName}: {damage.Reason}")));
    }
}
