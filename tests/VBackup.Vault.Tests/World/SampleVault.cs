using System.Text.Json;
using VBackup.Primitives;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Indexing;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.World;

/// <summary>
/// A small vault with an object of every kind: two volumes (one of two levels), a full, an incremental on it, another
/// full, chunks that nobody needs any more, a session that never ended, a decision, a condemnation, a collector,
/// a catalogue.
/// </summary>
internal sealed class SampleVault
{
    private SampleVault(StoreImage image, VaultMap map, Dictionary<(string, string), byte[]> contents)
    {
        Image = image;
        Map = map;
        Contents = contents;
    }

    public StoreImage Image { get; }
    public VaultMap Map { get; }

    /// <summary>What each volume of each point has to be restored to.</summary>
    public Dictionary<(string Point, string Volume), byte[]> Contents { get; }

    public static async Task<SampleVault> MakeAsync(bool withSessions = true)
    {
        Dictionary<(string, string), byte[]> contents = [];
        await using var vault = TestVault.Over(
            new MemoryStore(), with: runtime => Small(runtime) with { FillRandom = new Random(1).NextBytes });
        var disk = World.Contents.Mixed(1, 90_001);
        var data = Sparse(2, 1_300_000);
        async Task<PointDocument> BackUpAsync(PointDocument? on, Dictionary<string, Extent[]>? changed)
        {
            var made = await vault.BackUpAsync([("disk", disk), ("data", data)], on, changed);
            contents[(made.Id, "disk")] = disk;
            contents[(made.Id, "data")] = data;
            return made;
        }
        var full = await BackUpAsync(null, null);
        (disk, var diskChanged) = World.Contents.Change(3, disk, 5, 5000);
        (data, var dataChanged) = World.Contents.Change(4, data, 5, 5000);
        await BackUpAsync(full, new() { ["disk"] = diskChanged, ["data"] = dataChanged });
        var doomed = await vault.BackUpAsync(World.Contents.Mixed(5, 50_000));
        disk = World.Contents.Mixed(6, 60_000);
        await BackUpAsync(null, null);
        await vault.DeleteAsync(doomed);

        var map = await VaultMap.ReadAsync(vault);
        if (withSessions) await AddSmallObjectsAsync(vault, full);
        return new(await StoreImage.TakeAsync(vault.Store), map, contents);
    }

    public static VaultRuntime Small(VaultRuntime runtime) => runtime with { PackSizeTarget = 32 * 1024, PacksPerIndexFlush = 2 };

    /// <summary>Mostly zeros; some chunks at the start, the middle and the end.</summary>
    private static byte[] Sparse(int seed, int length)
    {
        var content = new byte[length];
        var random = new Random(seed);
        for (var chunk = 0; chunk < 20; chunk++)
            random.NextBytes(content.AsSpan(random.Next(length / 4096) * 4096, 4096 - random.Next(100)));
        random.NextBytes(content.AsSpan(length - 700));
        return content;
    }

    private static async Task AddSmallObjectsAsync(TestVault vault, PointDocument point)
    {
        var json = DocumentJson.Default;
        var (stuck, decided, collector) = (SessionId.New(vault.Vault.Runtime.FillRandom), SessionId.New(vault.Vault.Runtime.FillRandom),
            SessionId.New(vault.Vault.Runtime.FillRandom));
        await vault.Vault.PutAsync(ObjectKind.Session, ObjectNames.Session(stuck),
            Session.Document(vault.Vault, stuck, "backup", [Session.BaseOf(point)]), json.SessionDocument, default);
        await vault.Vault.PutAsync(ObjectKind.SessionNote, ObjectNames.Beat(stuck), new NoteDocument { Count = 3 }, json.NoteDocument,
            default);
        await vault.Vault.PutAsync(ObjectKind.SessionNote, ObjectNames.Revoked(decided), new NoteDocument(), json.NoteDocument, default);
        await vault.Vault.PutAsync(ObjectKind.Decision, ObjectNames.Decision(decided),
            new DecisionDocument { Points = [PointId.New(vault.Vault.Runtime.FillRandom).ToString()] }, json.DecisionDocument, default);
        await vault.Vault.PutAsync(ObjectKind.Collector, ObjectNames.Collector(collector),
            Session.Document(vault.Vault, collector, "collect", []), json.SessionDocument, default);
        await Condemnations.PutAsync(vault.Vault, collector, [ObjectId.New(vault.Vault.Runtime.FillRandom)], default);
        await SavedCatalogues.SaveAsync(vault.Vault, new() { Generation = 1, SavedAt = TestVault.Epoch,
            Content = JsonSerializer.SerializeToElement("sample") }, default);
    }

    public static async Task<TestVault> OpenAsync(StoreImage image, Func<IObjectStore, IObjectStore>? decorate = null)
    {
        IObjectStore store = await image.ToStoreAsync();
        return TestVault.Over(decorate?.Invoke(store) ?? store, with: Small);
    }

    public static Task<VerifyResult> VerifyAsync(TestVault vault, bool allData = true) =>
        Verifier.RunAsync(vault.Vault, allData, null, default);

    /// <summary>Each volume as each point has it: one of them holds whatever may be lost.</summary>
    public List<RepairSource> Sources() => [.. Contents.Select(item => Source(item.Key.Volume, item.Value))];

    public static RepairSource Source(string volume, byte[] content) => new(volume, content.Length, (offset, buffer, _) =>
    {
        content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        return ValueTask.CompletedTask;
    });

    /// <summary>Restores every volume of every point: what is affected must be refused, everything else must come back right,
    /// and a restore that goes on past damage must leave exactly the affected ranges zero and name them.</summary>
    public async Task AssertRestoresAsync(TestVault vault, Dictionary<(string Point, string Volume), List<Extent>> affected)
    {
        foreach (var point in Map.Points)
            foreach (var volume in point.Volumes)
            {
                var expected = Contents[(point.Id, volume.Name)];
                if (!affected.TryGetValue((point.Id, volume.Name), out var bad))
                {
                    World.Contents.AssertSame(expected, await vault.RestoreAsync(point, volume.Name));
                    continue;
                }
                await Assert.ThrowsAsync<DamageException>(() => vault.RestoreAsync(point, volume.Name));
                var target = MemoryVolume.Blank(expected.Length);
                var result = await vault.ImportAsync(point, volume.Name, target, new() { BestEffort = true });
                Assert.Equal(bad, result.Bad);
                var zeroed = expected.ToArray();
                foreach (var range in bad) zeroed.AsSpan((int)range.Offset, (int)range.Length).Clear();
                Assert.True(zeroed.AsSpan().SequenceEqual(target.Content), "what is not bad is wrong");
            }
    }

    /// <summary>Restores of every volume either come back right or are refused as damage.</summary>
    public async Task AssertNoWrongBytesAsync(TestVault vault)
    {
        foreach (var point in Map.Points)
            foreach (var volume in point.Volumes)
            {
                byte[] restored;
                try
                {
                    restored = await vault.RestoreAsync(point, volume.Name);
                }
                catch (DamageException)
                {
                    continue;
                }
                World.Contents.AssertSame(Contents[(point.Id, volume.Name)], restored);
            }
    }
}
