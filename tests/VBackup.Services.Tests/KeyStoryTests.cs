using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using VBackup.Vault;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A project's key is replaced, told and erased.</summary>
public class KeyStoryTests : StoryTests
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 7))];

    [Fact]
    public async Task A_new_key_opens_the_vault_in_place_of_the_old_one_and_backups_go_on_all_the_while()
    {
        await using var world = await MakeWorldAsync();
        var keys = KeysOf(world);
        var server = await world.AddServerAsync("web", ("vda", s_content));
        var first = await BackUpAsync(world, server);
        var old = (await keys.HandOutAsync(world.Project, default)).Text!;
        Assert.True(await OpenedVault.OpensAsync(VaultOf(world), old));

        var rotating = (await keys.RotateAsync(world.Project, 1, default)).Key!;
        Assert.Equal((2, ProjectKeyState.Rotating, "main"), (rotating.Number, rotating.State, Assert.Single(rotating.Vaults).LocationName));
        Assert.Null(rotating.HandedOutAt);
        Assert.Equal(2, (await keys.RotateAsync(world.Project, 1, default)).Key!.Number);
        Assert.Equal("key-rotating", (await keys.RotateAsync(world.Project, 2, default)).Code);
        // The vault has not heard yet.
        await BackUpAsync(world, server);
        Assert.True(await OpenedVault.OpensAsync(VaultOf(world), old));

        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.Equal(ProjectKeyState.Ready, (await keys.GetAsync(world.Project, default)).State);
        Assert.False(await OpenedVault.OpensAsync(VaultOf(world), old));
        Assert.True(await OpenedVault.OpensAsync(VaultOf(world), (await keys.HandOutAsync(world.Project, default)).Text!));
        Assert.Null(await RestoreAsync(world, first.Point));
    }

    [Fact]
    public async Task A_worker_that_dies_between_the_new_slot_and_the_old_one_leaves_it_to_the_next()
    {
        await using var world = await MakeWorldAsync();
        var keys = KeysOf(world);
        await BackUpAsync(world, await world.AddServerAsync("web", ("vda", s_content)));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        var old = (await keys.HandOutAsync(world.Project, default)).Text!;
        await keys.RotateAsync(world.Project, 1, default);
        await world.Clockwork.TurnAsync(default);

        var lease = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal(WorkKind.RotateKey, lease.Kind);
        using (var next = VaultUnlock.WithKey(lease.Secrets.VaultKey!))
        await using (var vault = await OpenedVault.OpenAsync(VaultOf(world), old))
            await VaultKeySlots.EnsureAsync(vault, next, default);
        Assert.True(await OpenedVault.OpensAsync(VaultOf(world), old));

        world.Clock.Advance(TimeSpan.FromSeconds(61));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        Assert.False(await OpenedVault.OpensAsync(VaultOf(world), old));
        Assert.Empty((await keys.GetAsync(world.Project, default)).Vaults);
    }

    [Fact]
    public async Task A_vault_that_cannot_be_reached_stays_behind_and_says_why_until_it_can()
    {
        await using var world = await MakeWorldAsync();
        var keys = KeysOf(world);
        await BackUpAsync(world, await world.AddServerAsync("web", ("vda", s_content)));
        var old = (await keys.HandOutAsync(world.Project, default)).Text!;
        await keys.RotateAsync(world.Project, 1, default);
        var header = Path.Combine(VaultOf(world), "vault");
        var good = await File.ReadAllBytesAsync(header);
        await File.WriteAllBytesAsync(header, new byte[good.Length]);
        for (var minute = 0; minute < 12; minute++) await PassAsync(world);
        Assert.NotNull(Assert.Single((await keys.GetAsync(world.Project, default)).Vaults).Error);

        await File.WriteAllBytesAsync(header, good);
        for (var minute = 0; minute < 12; minute++) await PassAsync(world);
        Assert.Equal(ProjectKeyState.Ready, (await keys.GetAsync(world.Project, default)).State);
        Assert.False(await OpenedVault.OpensAsync(VaultOf(world), old));
    }

    [Fact]
    public async Task Once_its_key_is_erased_nobody_restores_a_point_and_a_new_location_begins_anew()
    {
        await using var world = await MakeWorldAsync();
        var keys = KeysOf(world);
        var server = await world.AddServerAsync("web", ("vda", s_content));
        var point = (await BackUpAsync(world, server)).Point;
        var handedOut = (await keys.HandOutAsync(world.Project, default)).Text!;
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
        var going = await world.OrderBackupAsync(server);
        Assert.Equal("run-going-on", (await keys.EraseAsync(world.Project, default)).Code);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(going.Run).State);

        Assert.Equal(ProjectKeyState.Erased, (await keys.EraseAsync(world.Project, default)).Key!.State);
        Assert.Equal("key-erased", (await keys.HandOutAsync(world.Project, default)).Answer.Code);
        Assert.Equal("key-erased", (await keys.RotateAsync(world.Project, 1, default)).Code);
        await PassAsync(world);
        Assert.Empty((await keys.EraseAsync(world.Project, default)).Key!.Vaults);
        Assert.Equal(RestorePointState.Erased, world.Portal.Point(point).State);
        Assert.Contains("the key that it needs was erased", await RestoreAsync(world, point), StringComparison.Ordinal);
        Assert.False(await OpenedVault.OpensAsync(VaultOf(world), handedOut));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(VaultOf(world), "keys")));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(VaultOf(world), "catalogue"), "key*"));

        var refused = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Contains("the key of what it holds was erased", world.Portal.Run(refused.Run).Error, StringComparison.Ordinal);
        Directory.CreateDirectory(world.Path("anew"));
        var made = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(),
            new(world.Project, ServiceWorld.Region, "anew",
            LocationKindView.FileSystem, world.Path("anew"), null, null, null, null, null, 0, IsDefault: true), default);
        await world.SettleAsync();
        var order = await world.OrderBackupAsync(server, location: made.Location!.Location);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        var anew = await keys.GetAsync(world.Project, default);
        Assert.Equal((2, ProjectKeyState.Ready, 0), (anew.Number, anew.State, anew.Vaults.Count));
    }

    [Fact]
    public async Task A_deleted_location_that_nobody_ever_used_is_not_waited_for()
    {
        await using var world = await MakeWorldAsync();
        var registry = new LocationRegistry(world.Backup, world.Secrets);
        var unused = await registry.CreateAsync(world.Ids.New<LocationId>(), new(world.Project, ServiceWorld.Region, "unused",
            LocationKindView.VStorage, "s3://bucket/p", null, null, "user", "secret", null, 0, IsDefault: false), default);
        await registry.DeleteAsync(world.Project, unused.Location!.Location, default);
        Assert.Null((await KeysOf(world).EraseAsync(world.Project, default)).Code);
        // There may be a vault at the one that can still be used.
        Assert.Equal("main", Assert.Single((await KeysOf(world).GetAsync(world.Project, default)).Vaults).LocationName);
    }

    [Fact]
    public async Task Nobody_hears_a_key_that_is_not_there()
    {
        await using var world = await MakeWorldAsync();
        var nobody = world.Ids.New<ProjectId>();
        Assert.Equal(ProjectKeyState.None, (await KeysOf(world).GetAsync(nobody, default)).State);
        Assert.Equal("no-key", (await KeysOf(world).HandOutAsync(nobody, default)).Answer.Code);
        Assert.Equal("no-key", (await KeysOf(world).EraseAsync(nobody, default)).Code);
        Assert.Equal("no-key", (await KeysOf(world).RotateAsync(nobody, 0, default)).Code);
    }

    static ProjectKeys KeysOf(ServiceWorld world) => new(world.Backup, world.Secrets);

    static string VaultOf(ServiceWorld world) => world.Path($"location/{world.Project}");

    static async Task PassAsync(ServiceWorld world)
    {
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.Clockwork.TurnAsync(default);
        await world.SettleAsync();
    }

    static async Task<StartBackup> BackUpAsync(ServiceWorld world, ServerRef server)
    {
        var order = await world.OrderBackupAsync(server, PointKind.Full);
        await world.SettleAsync();
        Assert.Equal(RunState.Succeeded, world.Portal.Run(order.Run).State);
        return order;
    }

    /// <returns>Why it did not succeed.</returns>
    static async Task<string?> RestoreAsync(ServiceWorld world, RestorePointId point)
    {
        var order = await world.OrderRestoreAsync(point, RestoreTarget.NewVolume, $"new-{point}", "vda");
        await world.SettleAsync();
        if (world.Portal.Run(order.Run).Error is { } error) return error;
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.VolumePath($"new-{point}")));
        return null;
    }
}
