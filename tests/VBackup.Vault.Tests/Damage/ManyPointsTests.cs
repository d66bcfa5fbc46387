using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>A verify names every point of its vault, however many there are.</summary>
public sealed class ManyPointsTests
{
    private const int PointCount = 100_000;

    [Fact]
    public async Task What_names_very_many_points_can_be_read_by_collectors_and_lives_and_ends_as_one()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        List<BaseDocument> bases = [.. Enumerable.Range(0, PointCount).Select(BaseOf)];
        SessionId[] ids;
        await using (var session = await Session.BeginAsync(vault.Vault, "verify", bases, default))
        {
            ids = await SessionsAsync(memory);
            HashSet<string> named = [];
            foreach (var id in ids)
            {
                var document = await vault.Vault.FindAsync(
                    ObjectKind.Session, ObjectNames.Session(id), DocumentJson.Default.SessionDocument, default);
                Assert.InRange(document!.Bases.Sum(one => one.Roots.Count), 1, Session.RootsMax);
                foreach (var one in document.Bases) named.Add(one.Point);
            }
            Assert.Equal(bases.Select(one => one.Point).ToHashSet(), named);

            await session.EnsureNotRevokedAsync(default);
            foreach (var id in ids)
            {
                await memory.PutAsync(ObjectNames.Revoked(id), new byte[1], default);
                await Assert.ThrowsAsync<SessionRevokedException>(() => session.EnsureNotRevokedAsync(default));
                await memory.DeleteAsync(ObjectNames.Revoked(id), default);
            }
        }
        foreach (var id in ids) Assert.True(await memory.ExistsAsync(ObjectNames.Ended(id), default));
    }

    [Fact]
    public async Task A_session_with_no_point_or_with_one_of_more_volumes_than_most_is_one_object()
    {
        var memory = new MemoryStore();
        await using var vault = TestVault.Over(memory);
        await (await Session.BeginAsync(vault.Vault, "repair", [], default)).DisposeAsync();
        var large = BaseOf(1);
        large = large with { Roots = [.. Enumerable.Repeat(large.Roots[0], Session.RootsMax + 1)] };
        await (await Session.BeginAsync(vault.Vault, "verify", [large], default)).DisposeAsync();
        Assert.Equal(2, (await SessionsAsync(memory)).Length);
    }

    private static BaseDocument BaseOf(int number) => new()
    {
        Point = $"{number:x32}",
        Roots = [new() { Levels = 3, Root = new() { Id = new('a', 64), Pack = new('b', 64), Offset = 30_000_000, Length = 20_000 } }],
    };

    private static async Task<SessionId[]> SessionsAsync(MemoryStore store)
    {
        List<SessionId> ids = [];
        await foreach (var entry in store.ListAsync(ObjectNames.Sessions, default))
            if (ObjectNames.TryParseSession(entry.Name, out var id, out var suffix) && suffix.Length == 0) ids.Add(id);
        return [.. ids];
    }
}
