using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Service;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests.Postgres;

/// <summary>Changes of several processes that are made at once come out as if they had been made one after the other.</summary>
public sealed class ChangesAtOnceTests
{
    const int Many = 8;

    public ChangesAtOnceTests() => PostgresSchemas.Skip();

    [Fact]
    public async Task Who_looks_whether_a_row_is_there_and_makes_it_else_makes_it_once()
    {
        await using var world = await MakeAsync();
        var project = world.Ids.New<ProjectId>();
        // Nothing but what they have read keeps them apart: the row that each would make has an id of its own.
        await AtOnce.DoAsync(Many, _ => ChangesOf(world).MakeAsync(async change =>
        {
            if (await change.Db.Locations.AnyAsync(one => one.Project == project)) return;
            change.Db.Locations.Add(new(change.NewId<LocationId>(), project, ServiceWorld.Region, "main", LocationKindView.FileSystem,
                world.Path("location")));
        }, default));
        Assert.Equal(1, await world.Backup.MakeAsync(change => change.Db.Locations.CountAsync(one => one.Project == project), default));
    }

    [Fact]
    public async Task Who_makes_the_same_row_as_another_finds_it_made()
    {
        await using var world = await MakeAsync();
        var project = world.Ids.New<ProjectId>();
        await AtOnce.DoAsync(Many, _ => ChangesOf(world).MakeAsync(change => world.Secrets.EnsureKeyAsync(change, project, default),
            default));
        Assert.Equal(1, await world.Backup.MakeAsync(change => change.Db.Keys.CountAsync(one => one.Project == project), default));
    }

    /// <summary>So many at one row would wear out any number of attempts, if none of them was ever alone.</summary>
    [Fact]
    public async Task Nobody_fails_because_others_are_faster()
    {
        await using var world = await MakeAsync();
        const int Workers = 16, Times = 10;
        await AtOnce.DoAsync(Workers, async _ =>
        {
            var changes = ChangesOf(world);
            for (var i = 0; i < Times; i++)
                await changes.MakeAsync(async change =>
                {
                    var location = (await change.Db.Locations.FindAsync(world.Location))!;
                    location.IsLimited((location.QuotaBytes ?? 0) + 1, softDeleteDays: 0);
                }, default);
        });
        Assert.Equal(Workers * Times, await world.Backup.MakeAsync(async change =>
            (await change.Db.Locations.FindAsync(world.Location))!.QuotaBytes, default));
    }

    [Fact]
    public async Task What_is_wrong_with_a_change_is_told_however_often_it_is_tried()
    {
        await using var world = await MakeAsync();
        var (tries, key) = (0, world.Project);
        await Assert.ThrowsAnyAsync<DbUpdateException>(() => world.Backup.MakeAsync(change =>
        {
            tries++;
            // The project has one.
            change.Db.Keys.Add(new(key, [1], change.Now));
            return Task.CompletedTask;
        }, default));
        Assert.InRange(tries, 2, 20);
    }

    static Task<ServiceWorld> MakeAsync() => ServiceWorld.MakeAsync(databases: _ => new PostgresSchemas());

    static ChangeMaker<BackupDb> ChangesOf(ServiceWorld world) =>
        new(world.Databases.OpenAgain<BackupDb>("backup", options => new(options)), world.Ids, world.Clock);
}
