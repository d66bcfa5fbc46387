using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>
/// Verifications of a sound vault in which, at one moment, something else happens from beginning to end: at every moment there
/// is, one after the other.
/// </summary>
public sealed class VerifyBesideOthersTests
{
    /// <summary>What others do.</summary>
    public enum Deed
    {
        /// <summary>A backup that builds on the newest point.</summary>
        Backup,

        /// <summary>A collection that rewrites packs and merges the index, and lets the verification be.</summary>
        Collection,

        /// <summary>The point with most garbage is deleted, and its chunks collected.</summary>
        Deletion,

        /// <summary>The verification is taken for dead, and what it looks at is deleted and collected.</summary>
        Revocation,
    }

    public static TheoryData<Deed, bool> DeedsAndDepths { get; } = [.. from deed in Enum.GetValues<Deed>()
                                                                      from allData in (bool[])[false, true]
                                                                      select (deed, allData)];

    [Theory]
    [MemberData(nameof(DeedsAndDepths))]
    public async Task No_damage_is_found_in_a_sound_vault_whatever_others_do_at_any_moment(Deed deed, bool allData)
    {
        var (image, points) = await MakeAsync();
        var revoked = 0;
        for (var moment = 1; ; moment++)
        {
            var memory = await image.ToStoreAsync();
            var store = new InterruptedStore(memory, moment, () => DoAsync(deed, memory, points));
            await using var vault = TestVault.Over(store, with: Small);
            try
            {
                var result = await Verifier.RunAsync(vault.Vault, allData, null, default);
                Assert.True(result.IsSound, $"{deed} at operation {moment}: "
                    + string.Join("; ", result.Damages.Select(damage => $"{damage.ObjectName}: {damage.Reason}")));
            }
            catch (SessionRevokedException)
            {
                Assert.Equal(Deed.Revocation, deed);
                revoked++;
            }
            if (store.Happened) continue;
            Assert.True(moment > 40, $"{moment} operations");
            Assert.Equal(deed == Deed.Revocation, revoked > 0);
            return;
        }
    }

    [Fact]
    public async Task A_pack_that_is_really_lost_is_found_whatever_others_do_at_any_moment()
    {
        var (image, points) = await MakeAsync();
        await using var whole = await SampleVault.OpenAsync(image);
        var map = await VaultMap.ReadAsync(whole);
        var needed = map.Needs[(points[^1].Id, "disk")].Where(need => !need.IsNode).Select(need => need.Id).ToHashSet();
        var pack = map.Packs.First(item => item.Value.Any(entry => needed.Contains(entry.Id))).Key;
        image = image.Without(pack);
        for (var moment = 1; ; moment++)
        {
            var memory = await image.ToStoreAsync();
            var store = new InterruptedStore(memory, moment, () => DoAsync(Deed.Backup, memory, points));
            await using var vault = TestVault.Over(store, with: Small);
            var result = await Verifier.RunAsync(vault.Vault, allData: moment % 2 == 0, null, default);
            Assert.Contains(result.Damages, damage => damage.ObjectName == pack
                && damage.Affected.Any(item => item.Point == points[^1].Id));
            if (!store.Happened) return;
        }
    }

    private static VaultRuntime Small(VaultRuntime runtime) => SampleVault.Small(runtime) with { PackChecksAtOnce = 1 };

    /// <summary>Two levels of trees, shared chunks, stale hints, and enough garbage for packs to be worth rewriting.</summary>
    private static async Task<(StoreImage Image, List<PointDocument> Points)> MakeAsync()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: Small);
        List<PointDocument> points = [];
        var content = Contents.Mixed(1, 300_000);
        var doomed = await vault.BackUpAsync(content);
        (content, var changed) = Contents.Change(2, content, 25, 4000);
        points.Add(await vault.BackUpAsync(content, doomed, changed));
        await vault.DeleteAsync(doomed);
        await CollectAsync(vault);
        points.Add(await vault.BackUpAsync(Contents.Mixed(3, 200_000)));
        (content, changed) = Contents.Change(4, content, 25, 4000);
        points.Add(await vault.BackUpAsync(content, points[0], changed));
        // Garbage for the collections to come.
        await vault.DeleteAsync(points[0]);
        points.RemoveAt(0);
        return (await StoreImage.TakeAsync(vault.Store), points);
    }

    private static Task<CollectionResult> CollectAsync(TestVault vault, TimeSpan? sessionTimeout = null) =>
        vault.CollectAsync(new() { SessionTimeout = sessionTimeout ?? TimeSpan.Zero, RewriteBelow = 0.9, WasteMax = 0, FilterSalt = 1 });

    private static async Task DoAsync(Deed deed, MemoryStore memory, List<PointDocument> points)
    {
        await using var vault = TestVault.Over(memory, with: Small);
        switch (deed)
        {
            case Deed.Backup:
                var (content, changed) = Contents.Change(5, Contents.Mixed(3, 200_000), 10, 4000);
                await vault.BackUpAsync(content, points[0], changed);
                break;
            case Deed.Collection or Deed.Deletion:
                if (deed == Deed.Deletion) await vault.DeleteAsync(points[0]);
                // What the verification's session keeps alive must not be waited for: it stands still until this is over.
                using (var patience = new CancellationTokenSource())
                {
                    var options = new CollectorOptions
                    { SessionTimeout = null, CollectorTimeout = TimeSpan.MaxValue, RewriteBelow = 0.9, WasteMax = 0, FilterSalt = 1 };
                    var steps = new GiveUpWhenWaiting(patience);
                    try
                    {
                        await Collector.RunAsync(vault.Vault, options, steps, patience.Token);
                    }
                    catch (OperationCanceledException)
                    {
                        // It has copied and condemned, and waits for the verification; another collection will finish.
                    }
                }
                break;
            case Deed.Revocation:
                foreach (var point in points) await vault.DeleteAsync(point);
                await CollectAsync(vault);
                break;
        }
    }

    private sealed class GiveUpWhenWaiting(CancellationTokenSource patience) : IProgress<string>
    {
        public void Report(string value)
        {
            if (value.StartsWith("waiting", StringComparison.Ordinal)) patience.Cancel();
        }
    }

    /// <summary>Something happens right before one of the operations.</summary>
    private sealed class InterruptedStore(MemoryStore memory, int moment, Func<Task> happen) : DecoratingStore(memory)
    {
        private int _operations;

        public bool Happened { get; private set; }

        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            if (++_operations == moment)
            {
                Happened = true;
                await happen();
            }
            return await run(cancellation);
        }
    }
}
