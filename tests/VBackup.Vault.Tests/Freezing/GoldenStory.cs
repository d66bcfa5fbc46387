using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Sessions;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using VBackup.DataPath;
using Xunit;

namespace VBackup.Vault.Tests.Freezing;

/// <summary>What happened in the golden vault, and the ways it is damaged.</summary>
internal static class GoldenStory
{
    /// <summary>Two volumes; a full, an incremental, a full that is deleted, a collection that rewrites packs, an incremental
    /// after it, and a run that a collection took for dead, whose point does not count.</summary>
    public static async Task<Dictionary<(string Point, string Volume), byte[]>> TellAsync(TestVault vault)
    {
        Dictionary<(string, string), byte[]> contents = [];
        var system = Contents.Mixed(1, 50_001);
        var data = new byte[1_100_000];
        foreach (var chunk in (int[])[0, 1, 100, 255, 256, 268])
            new Random(chunk).NextBytes(data.AsSpan(chunk * 4096, Math.Min(4096, data.Length - chunk * 4096)));
        async Task<PointDocument> BackUpAsync(PointDocument? on, Dictionary<string, Extent[]>? changed)
        {
            var point = await vault.BackUpAsync([("system", system), ("data", data)], on, changed);
            contents[(point.Id, "system")] = system;
            contents[(point.Id, "data")] = data;
            return point;
        }
        var full = await BackUpAsync(null, null);
        (system, var systemChanged) = Contents.Change(2, system, 3, 5000);
        (data, var dataChanged) = Contents.Change(3, data, 2, 3000);
        var incremental = await BackUpAsync(full, new() { ["system"] = systemChanged, ["data"] = dataChanged });
        var doomed = await vault.BackUpAsync([("system", [.. system.AsSpan(0, 20_000), .. Contents.Mixed(4, 30_000)])]);
        await vault.DeleteAsync(full);
        contents.Remove((full.Id, "system"));
        contents.Remove((full.Id, "data"));
        await vault.DeleteAsync(doomed);
        await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, FilterSalt = 1, RewriteBelow = 1, WasteMax = 0 });

        (system, var changedAgain) = Contents.Change(5, system, 2, 5000);
        await BackUpAsync(incremental, new() { ["system"] = changedAgain, ["data"] = [new(0, 1)] });

        await using var late = await BackupWriter.StartAsync(vault.Vault, "backup", null, default);
        var volume = await new ExportPipeline(late, vault.Options)
            .ExportAsync(new("system", new MemoryVolume(new byte[9000]), null, null), null, default);
        await vault.CollectAsync();
        await Assert.ThrowsAsync<SessionRevokedException>(() => late.PublishAsync("server", PointType.Full, null, [volume], default));
        return contents;
    }

    /// <summary>One damage of each sort for each kind of object, with what must be found, worked out from the map.</summary>
    public static List<GoldenDamage> Damages(StoreImage image, VaultMap map)
    {
        List<GoldenDamage> damages = [];
        var chunks = map.Packs.First(pack => IsNeeded(map, pack.Value, ofNodes: false));
        var nodes = map.Packs.First(pack => IsNeeded(map, pack.Value, ofNodes: true));
        foreach (var (what, pack) in new[] { ("chunks", chunks), ("nodes", nodes) })
        {
            var blob = pack.Value.First(entry => map.Live.Contains(entry.Id) && (what == "nodes" || HasNoOtherCopy(map, pack.Key, entry)));
            var length = image[pack.Key].Length;
            void Flip(string name, int offset, bool spoilsBlob) =>
                damages.Add(Damage($"pack of {what}: {name}", pack.Key, offset, 16, null, null,
                map, (in_, entry) => spoilsBlob && in_ == pack.Key && entry == blob));
            Flip("header", 20, false);
            Flip("prefix of a blob", (int)blob.Offset + 5, true);
            Flip("content of a blob", (int)blob.Offset + 15, true);
            Flip("tag of a blob", (int)(blob.Offset + blob.Length) - 1, true);
            Flip("footer", length - 40, false);
            Flip("trailer", length - 10, false);
            damages.Add(Damage($"pack of {what}: cut short", pack.Key, 0, 0, length / 2, null, map,
                (in_, entry) => in_ == pack.Key && entry.Offset + entry.Length > length / 2));
            damages.Add(Damage($"pack of {what}: gone", pack.Key, 0, 0, null, "", map, (in_, _) => in_ == pack.Key));
        }
        damages.Add(Damage("pack: replaced by another", chunks.Key, 0, 0, null, nodes.Key, map, (in_, _) => in_ == chunks.Key));

        var index = image.Under(ObjectNames.Indexes).First();
        foreach (var (name, offset) in new[] { ("header", 10), ("block", 60), ("footer", image[index].Length - 30),
            ("trailer", image[index].Length - 4) })
            damages.Add(Damage($"index: {name}", index, offset, 1, null, null, map, null) with { Found = [ObjectNames.Indexes, index] });
        damages.Add(Damage("index: gone", index, 0, 0, null, "", map, null) with { Found = [ObjectNames.Indexes] });

        var point = ObjectNames.Points + map.Points[0].Id;
        var other = ObjectNames.Points + map.Points[1].Id;
        damages.Add(Damage("point: flipped", point, 60, 2, null, null, map, null));
        damages.Add(Damage("point: cut short", point, 0, 0, 50, null, map, null));
        damages.Add(Damage("point: replaced by another", point, 0, 0, null, other, map, null));

        foreach (var suffix in (string[])[ObjectNames.DecisionSuffix, ObjectNames.RevokedSuffix])
            damages.Add(Damage($"session: {suffix[1..]}", image.Names.First(name => name.EndsWith(suffix, StringComparison.Ordinal)), 50,
                4, null, null, map, null));
        var session = image.Under(ObjectNames.Sessions).First(name => !name.Contains('.', StringComparison.Ordinal));
        damages.Add(Damage("session: flipped", session, 50, 4, null, null, map, null));

        byte[] key = [.. Enumerable.Range(1, 32).Select(i => (byte)(7 * i))];
        var slot = KeySlot.NameOf(key, VaultHeader.Decode(image[ObjectNames.Header]).VaultId.ToArray());
        damages.Add(Damage("header: chunk size", ObjectNames.Header, 13, 32, null, null, map, null) with { Found = null });
        damages.Add(Damage("header: signature", ObjectNames.Header, 70, 1, null, null, map, null) with { Found = null });
        damages.Add(Damage("header: gone", ObjectNames.Header, 0, 0, null, "", map, null) with { Found = null });
        damages.Add(Damage("key slot: wrapped key", slot, 100, 1, null, null, map, null) with { Found = null });
        foreach (var unused in image.Under(ObjectNames.Keys).Where(name => name != slot))
            damages.Add(Damage($"key slot: {(unused.Contains("passphrase", StringComparison.Ordinal) ? "passphrase" : "recovery")}",
                unused, 120, 1, null, null, map, null));
        return damages;
    }

    private static GoldenDamage Damage(string name, string objectName, int offset, byte xor, int? cutTo, string? becomes,
        VaultMap map, Func<string, PackEntry, bool>? isSpoilt)
    {
        var affected = isSpoilt is null ? [] : map.Affected(map.Lost(isSpoilt));
        return new(name, objectName, offset, xor, cutTo, becomes, [objectName],
            [.. affected.SelectMany(item => item.Value.Select(range =>
                new GoldenExtent(item.Key.Point, item.Key.Volume, range.Offset, range.Length)))]);
    }

    private static bool IsNeeded(VaultMap map, PackEntry[] entries, bool ofNodes) =>
        entries.Any(entry => entry.Shape.IsNode == ofNodes && map.Live.Contains(entry.Id));

    private static bool HasNoOtherCopy(VaultMap map, string pack, PackEntry entry) =>
        !map.Packs.Any(other => other.Key != pack && other.Value.Any(item => item.Id == entry.Id));
}
