using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A location is given other credentials for its S3.</summary>
public sealed class LocationCredentialsTests
{
    const string Damage = "a pack is damaged";

    [Fact]
    public async Task Workers_take_them_from_their_next_task_on_and_an_earlier_check_is_not_heard()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await MakeAsync(world);
        var before = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal(("access", "secret"), (before.Secrets.AccessKey, before.Secrets.SecretKey));

        await SetAsync(world, bucket, "other");
        Assert.False(await world.Source.FailAsync(before.Task, before.Epoch, new("access denied", MayPass: false), default));
        var check = await CheckAsync(world);
        Assert.Equal(("other", "secret of other"), (check.Secrets.AccessKey, check.Secrets.SecretKey));
        await DoneAsync(world, check);
        Assert.Equal((LocationStateView.Ready, null, null), await ShownAsync(world, bucket));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
    }

    [Fact]
    public async Task A_location_that_was_ready_stays_so_when_they_do_not_open_it_and_says_what_is_lacking()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await ReadyAsync(world);
        await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(bucket))!.WasLookedAt(Damage), default);
        await SetAsync(world, bucket, "wrong");
        var check = await CheckAsync(world);
        Assert.True(await world.Source.FailAsync(check.Task, check.Epoch, new("no answer", MayPass: true), default));
        Assert.Equal((LocationStateView.Ready, "its check is tried again: no answer", Damage), await ShownAsync(world, bucket));
        world.Clock.Advance(TimeSpan.FromHours(1));
        check = await CheckAsync(world);
        Assert.True(await world.Source.FailAsync(check.Task, check.Epoch, new("access denied", MayPass: false), default));
        Assert.Equal((LocationStateView.Ready, "its check failed: access denied", Damage), await ShownAsync(world, bucket));

        await SetAsync(world, bucket, "right");
        await DoneAsync(world, await CheckAsync(world));
        Assert.Equal((LocationStateView.Ready, null, Damage), await ShownAsync(world, bucket));
    }

    [Fact]
    public async Task What_a_check_found_is_over_when_the_location_is_used_again()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await ReadyAsync(world);
        await SetAsync(world, bucket, "right");
        var check = await CheckAsync(world);
        Assert.True(await world.Source.FailAsync(check.Task, check.Epoch, new("the store was down", MayPass: false), default));
        await world.Backup.MakeAsync(change =>
        {
            change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), WorkKind.Verify, world.Project, ServiceWorld.Region, "{}", change.Now)
            { Location = bucket });
            return Task.CompletedTask;
        }, default);
        await DoneAsync(world, (await world.Source.AcquireAsync(world.WorkerId, default))!);
        Assert.Equal((LocationStateView.Ready, null, null), await ShownAsync(world, bucket));
    }

    [Fact]
    public async Task A_location_that_was_refused_can_be_used_with_the_right_ones()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await MakeAsync(world);
        var check = await CheckAsync(world);
        Assert.True(await world.Source.FailAsync(check.Task, check.Epoch, new("access denied", MayPass: false), default));
        Assert.Equal((LocationStateView.Refused, "access denied", null), await ShownAsync(world, bucket));
        await SetAsync(world, bucket, "right");
        await DoneAsync(world, await CheckAsync(world));
        Assert.Equal((LocationStateView.Ready, null, null), await ShownAsync(world, bucket));
    }

    [Fact]
    public async Task Who_has_none_is_given_none()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await ReadyAsync(world);
        var registry = new LocationRegistry(world.Backup, world.Secrets);
        Assert.Equal(("invalid", "accessKey"), await WrongAsync(world.Project, world.Location, new("access", "secret")));
        Assert.Equal(("invalid", "accessKey"), await WrongAsync(world.Project, bucket, new("", "secret")));
        Assert.Equal(("invalid", "secretKey"), await WrongAsync(world.Project, bucket, new("access", "")));
        Assert.Equal(("not-found", null), await WrongAsync(world.Ids.New<ProjectId>(), bucket, new("access", "secret")));
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));

        async Task<(string?, string?)> WrongAsync(ProjectId project, LocationId location, LocationCredentials wish)
        {
            var answer = await registry.SetCredentialsAsync(project, location, wish, default);
            return (answer.Code, answer.Field);
        }
    }

    [Fact]
    public async Task Of_a_location_whose_key_was_erased_nothing_is_checked()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var bucket = await ReadyAsync(world);
        await world.Backup.MakeAsync(async change =>
            (await change.Db.Locations.FindAsync(bucket))!.NeedsKeyWork(VBackup.Service.Keys.VaultKeyWork.Erase), default);
        await SetAsync(world, bucket, "right");
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
        Assert.Equal(LocationStateView.Refused, (await ShownAsync(world, bucket)).State);
    }

    static async Task<LocationId> MakeAsync(ServiceWorld world)
    {
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "bucket", LocationKindView.VStorage, "s3://bucket",
            "https://s3.example.org", "eu-west-1", "access", "secret", null, 0, IsDefault: false);
        return (await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(), wish, default))
            .Location!.Location;
    }

    static async Task<LocationId> ReadyAsync(ServiceWorld world)
    {
        var made = await MakeAsync(world);
        await DoneAsync(world, await CheckAsync(world));
        return made;
    }

    static async Task SetAsync(ServiceWorld world, LocationId location, string accessKey) =>
        Assert.Null((await new LocationRegistry(world.Backup, world.Secrets).SetCredentialsAsync(world.Project, location,
            new(accessKey, $"secret of {accessKey}"), default)).Reason);

    static async Task<WorkLease> CheckAsync(ServiceWorld world)
    {
        var lease = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.Equal(WorkKind.CheckLocation, lease.Kind);
        return lease;
    }

    // As a worker whom the store lets do all.
    static async Task DoneAsync(ServiceWorld world, WorkLease lease) => Assert.True(await world.Source.CompleteAsync(lease.Task,
        lease.Epoch, JsonSerializer.Serialize(new VaultResult(0, []), WorkJson.Default.VaultResult), default));

    static async Task<(LocationStateView State, string? Refusal, string? Finding)> ShownAsync(ServiceWorld world, LocationId location)
    {
        var shown = await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(location))!.View(), default);
        return (shown.State, shown.Refusal, shown.Finding);
    }
}
