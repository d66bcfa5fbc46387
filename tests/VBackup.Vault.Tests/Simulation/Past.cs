using VBackup.Vault.Format;
using VBackup.Vault.Indexing;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What was done before a story begins, one thing after the other.</summary>
internal static class Past
{
    /// <summary>A full backup of a volume of these letters. Two chunks make a pack.</summary>
    public static async Task<KnownPoint> BackUpAsync(SimulatedWorld world, params int[] letters)
    {
        var content = Volumes.Of(letters);
        world.Truth.ExpectNext(content);
        var point = await world.Vault(new DirectStore(world)).BackUpAsync(content);
        world.Truth.Promise(point);
        return world.Truth.Find(point);
    }

    public static async Task DeleteAsync(SimulatedWorld world, KnownPoint point)
    {
        point.WasDeleted = true;
        await world.Vault(new DirectStore(world)).DeleteAsync(point.Document);
    }

    /// <summary>A point was deleted, and nobody has collected since.</summary>
    public static async Task HasGarbageAsync(SimulatedWorld world) => await DeleteAsync(world, await BackUpAsync(world, 1, 2));

    /// <summary>One chunk of a point's first pack is not what was stored.</summary>
    public static async Task HasDamageAsync(SimulatedWorld world)
    {
        await BackUpAsync(world, 1, 2);
        var pack = world.Truth.Packs.First(pack => pack.Value.Count == 2).Key;
        var chunk = (await PackFooters.ReadAsync(world.Raw.Vault, pack, default))[0];
        var content = world.Find(ObjectNames.Pack(pack))!;
        content[chunk.Offset + chunk.Length / 2] ^= 1;
        await world.Store.PutAsync(ObjectNames.Pack(pack), content, default);
        world.Truth.WasDamaged(pack, chunk.Id);
    }

    /// <summary>Of a deleted point's packs and their index object, a part is still needed.</summary>
    public static async Task HasHalfGarbageAsync(SimulatedWorld world)
    {
        var deleted = await BackUpAsync(world, 1, 2, 3, 4);
        await BackUpAsync(world, 3, 4);
        await DeleteAsync(world, deleted);
    }
}
