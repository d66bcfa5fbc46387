using System.Text.Json;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Declarations;
using VBackup.Portal.Plans;
using VBackup.Service.Keys;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What the services know of a project comes into its vaults by itself, for when they are lost.</summary>
public sealed class CatalogueStoryTests
{
    static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1), s_day = TimeSpan.FromDays(1);

    [Fact]
    public async Task Plans_policies_and_the_states_of_points_are_saved_soon_after_they_change_and_once_a_day()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var (server, vault) = (await world.AddServerAsync("web", ("vda", new byte[100_000])), world.Services.Path(
            $"vault/{world.Project}"));
        var policy = await world.NewPolicyAsync("nightly", new(new LocalTime(1, 30), "Europe/Berlin", Daily: new(3)));
        var plan = await world.ProtectAsync(server, new(Policy: policy.Id, Note: "by hand"));
        await ChangeBinAsync(world, days: 30);
        await world.Locations.ChangeAsync(world.Project, plan.Location, new(Lock: new(null, MaxDays: 400, ChangeDays: 1)), default);
        await BackUpAsync(world, server);
        await world.TurnAsync();

        var key = (await KeysOf(world).HandOutAsync(world.Project, default)).Text!;
        var (first, catalogue) = await OpenedVault.CatalogueAsync(vault, key);
        var declared = ProjectDeclarations.Read(catalogue.Declarations!.Value);
        Assert.Equal(("shop", "nightly", policy.Rules), (declared.ProjectName, Assert.Single(declared.Policies).Name,
            declared.Policies[0].Rules));
        Assert.Equal((plan.Id, server, policy.Id, "by hand", true),
            Assert.Single(declared.Plans) is var saved ? (saved.Plan, saved.Server, saved.Policy, saved.Note, saved.IsEnabled) : default);
        var kept = Assert.Single(catalogue.Locations, location => location.Location == catalogue.Location);
        Assert.Equal((30, 400), (kept.SoftDeleteDays, kept.Lock?.MaxDays));
        var point = Assert.Single(catalogue.Points);
        Assert.Equal((RestorePointState.Active, RunTrigger.Manual), (point.State, point.Trigger));

        await DeleteAsync(world, point.Point);
        await world.PassAsync(s_minute);
        Assert.Equal(first, (await OpenedVault.CatalogueAsync(vault, key)).Generation);
        await world.PassAsync(5 * s_minute);
        var (second, later) = await OpenedVault.CatalogueAsync(vault, key);
        Assert.True(second > first);
        var binned = Assert.Single(later.Points);
        Assert.Equal((RestorePointState.SoftDeleted, binned.DeletedAt + 30 * s_day), (binned.State, binned.PurgeAt));

        // Nothing changes any more: nothing is saved before the day is over.
        await world.PassAsync(s_day / 2);
        Assert.Equal(second, (await OpenedVault.CatalogueAsync(vault, key)).Generation);
        await world.PassAsync(s_day / 2 + s_minute);
        Assert.True((await OpenedVault.CatalogueAsync(vault, key)).Generation > second);
    }

    [Fact]
    public async Task A_catalogue_that_cannot_be_saved_is_told_of_its_location_and_is_tried_again()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[100_000]));
        await BackUpAsync(world, server);
        // A file where the folder of catalogues should come.
        var obstacle = world.Services.Path($"vault/{world.Project}/catalogue");
        await File.WriteAllTextAsync(obstacle, "in the way");
        for (var attempt = 0; attempt < 10; attempt++) await world.PassAsync(s_minute);
        Assert.Contains("the catalogue could not be saved", await FindingAsync(world), StringComparison.Ordinal);

        File.Delete(obstacle);
        for (var attempt = 0; attempt < 10; attempt++) await world.PassAsync(s_minute);
        Assert.Null(await FindingAsync(world));
        var key = (await KeysOf(world).HandOutAsync(world.Project, default)).Text!;
        Assert.Single((await OpenedVault.CatalogueAsync(world.Services.Path($"vault/{world.Project}"), key)).Catalogue.Points);
    }

    [Fact]
    public async Task When_a_plan_is_looked_at_again_nothing_is_told_and_older_declarations_change_nothing()
    {
        await using var world = await ProtectedWorld.MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[1000]));
        await world.ProtectAsync(server, new());
        await world.PassAsync(2 * s_minute);
        var told = await VersionAsync(world);
        Assert.True(told > 0);
        // Nothing is due so soon, but plans are looked at.
        await world.PassAsync(2 * s_minute);
        Assert.Equal(told, await VersionAsync(world));
        await world.Services.TellBackupAsync(new DeclarationsChanged(world.Project, told - 1, JsonSerializer.SerializeToElement("old")),
            MessageJson.Default.DeclarationsChanged);
        var kept = await world.Services.Backup.MakeAsync(async change => (await change.Db.Catalogues.FindAsync(world.Project))!, default);
        Assert.Equal(told, kept.DeclarationsVersion);
        Assert.DoesNotContain("old", kept.Declarations, StringComparison.Ordinal);
    }

    static ProjectKeys KeysOf(ProtectedWorld world) => new(world.Services.Backup, world.Services.Secrets);

    static async Task BackUpAsync(ProtectedWorld world, ServerRef server)
    {
        ProtectedWorld.Done(await world.BackUpNowAsync(server));
        await world.Services.SettleAsync();
    }

    static async Task ChangeBinAsync(ProtectedWorld world, int days)
    {
        var location = await world.Portal.MakeAsync(change => Task.FromResult(change.Db.Locations.Single(one => one.IsDefault).Id),
            default);
        Assert.Null((await world.Locations.ChangeAsync(world.Project, location, new(SoftDeleteDays: days), default)).Reason);
    }

    static async Task DeleteAsync(ProtectedWorld world, RestorePointId point)
    {
        await world.Services.TellBackupAsync(new DeletePoint(point, world.Project, IsByPolicy: false), MessageJson.Default.DeletePoint);
        await world.Services.SettleAsync();
    }

    static Task<string?> FindingAsync(ProtectedWorld world) =>
        world.Portal.MakeAsync(change => Task.FromResult(change.Db.Locations.Single(one => one.IsDefault).Finding), default);

    static Task<long> VersionAsync(ProtectedWorld world) => world.Services.Backup.MakeAsync(
        async change => (await change.Db.Catalogues.FindAsync(world.Project))?.DeclarationsVersion ?? 0, default);
}
