using VBackup.Contracts.Messages;
using VBackup.Portal.Notifications;
using VBackup.Portal.Policies;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests.Notifications;

/// <summary>What is told, and whom.</summary>
public sealed class NoticeTests
{
    static readonly NotificationRule s_failures = new(OnFailure: true, Recipients: ["ops@receiver.example"]);

    [Theory]
    [InlineData(true, false, RunState.Succeeded, NotificationEvent.RunSucceeded)]
    [InlineData(true, false, RunState.Failed, null)]
    [InlineData(false, true, RunState.Succeeded, null)]
    [InlineData(false, true, RunState.Failed, NotificationEvent.RunFailed)]
    [InlineData(false, true, RunState.WindowClosed, NotificationEvent.RunFailed)]
    [InlineData(false, true, RunState.Cancelled, NotificationEvent.RunFailed)]
    public async Task The_policy_says_which_ends_are_told(bool onSuccess, bool onFailure, RunState state, NotificationEvent? told)
    {
        await using var world = await TellingWorld.MakeAsync(new(onSuccess, onFailure, ["ops@receiver.example"]));
        await world.RunEndsAsync(state);
        Assert.Equal(told is { } one ? [one] : [], (await world.NotificationsAsync()).Select(notification => notification.Event));
    }

    [Fact]
    public async Task A_restore_of_a_protected_server_is_told_too()
    {
        await using var world = await TellingWorld.MakeAsync(s_failures);
        await world.RunEndsAsync(RunState.Failed, RunKind.Restore);
        // What comes from elsewhere makes no second line.
        Assert.Equal("Restore of web failed: no  room", (await world.OnlyAsync()).Summary);
    }

    [Fact]
    public async Task What_is_told_again_or_changes_behind_the_end_is_told_once()
    {
        await using var world = await TellingWorld.MakeAsync(s_failures);
        var run = await world.RunEndsAsync(RunState.Failed);
        await world.HearAsync(Things.RunNow(world.Portal, run, world.Server, RunState.Failed, 2, 100), MessageJson.Default.RunChanged);
        await world.HearAsync(Things.RunNow(world.Portal, run, world.Server, RunState.Failed, 3, 100), MessageJson.Default.RunChanged);
        await world.HearAsync(Things.RunNow(world.Portal, run, world.Server, RunState.Transferring, 1, 100),
            MessageJson.Default.RunChanged);
        await world.OnlyAsync();
    }

    [Fact]
    public async Task A_server_that_is_gone_is_told_once()
    {
        await using var world = await TellingWorld.MakeAsync(s_failures);
        var now = world.Portal.Clock.GetUtcNow();
        await world.Portal.SaveAsync(new Servers.RegionRow(Things.Region, world.Portal.Project));
        await world.HearAsync(new InventoryReported(Things.Region, 1, now, []), MessageJson.Default.InventoryReported);
        await world.HearAsync(new InventoryReported(Things.Region, 2, now, []), MessageJson.Default.InventoryReported);
        Assert.Equal(NotificationEvent.ServerGone, (await world.OnlyAsync()).Event);
    }

    [Fact]
    public async Task A_damaged_location_is_told_once_to_each_recipient_of_its_plans()
    {
        await using var world = await TellingWorld.MakeAsync(s_failures);
        // Another plan, of the same policy.
        await world.Portal.PlanAsync(await world.Portal.ServerAsync("db"), world.Location, world.Policy, "db");
        await world.HearAsync(Damaged(2, null), MessageJson.Default.LocationChanged);
        Assert.Empty(await world.NotificationsAsync());
        await world.HearAsync(Damaged(3, "a pack is damaged"), MessageJson.Default.LocationChanged);
        await world.HearAsync(Damaged(4, "a pack is damaged"), MessageJson.Default.LocationChanged);
        var told = await world.OnlyAsync();
        Assert.Equal((NotificationEvent.LocationDamaged, "Location vault: a pack is damaged"), (told.Event, told.Summary));

        LocationChanged Damaged(long version, string? finding) => new(world.Location, version, world.Portal.Project, Things.Region, "vault",
            LocationKindView.FileSystem, "/srv/vault", null, LocationStateView.Ready, null, true, false, null, 0, 7, null, finding);
    }

    [Fact]
    public void What_webhooks_get_is_frozen()
    {
        var time = new DateTimeOffset(2026, 3, 29, 1, 30, 0, TimeSpan.Zero);
        var body = new NotificationBody(1, new(Uuid(1)), NotificationEvent.RunFailed, time, new(Uuid(2)), "Backup of web failed: no room",
            new("north", "s-1", "web"),
            new(new(Uuid(3)), RunKind.Backup, RunState.Failed, RunTrigger.Policy, new(Uuid(4)), new(Uuid(5)), new(Uuid(6)), time, time, 7,
                8, ["note"], "no room", null),
            new(new(Uuid(6)), "vault", "damage"));
        Assert.Equal(Golden, body.Write());
        Assert.Equal(Golden, NotificationBody.Read(Golden).Write());
        Assert.Equal(["runSucceeded", "runFailed", "serverGone", "locationDamaged", "restoreSkipped", "test"],
            Enum.GetValues<NotificationEvent>().Order().Select(one => System.Text.Json.JsonSerializer.SerializeToElement(one).GetString()));
    }

    const string Golden = """
        {"version":1,"id":"00000001-0000-7000-8000-000000000000","event":"runFailed","at":"2026-03-29T01:30:00+00:00","project":"00000002-0000-7000-8000-000000000000","summary":"Backup of web failed: no room","server":{"region":"north","id":"s-1","name":"web"},"run":{"id":"00000003-0000-7000-8000-000000000000","kind":"backup","state":"failed","trigger":"policy","plan":"00000004-0000-7000-8000-000000000000","point":"00000005-0000-7000-8000-000000000000","location":"00000006-0000-7000-8000-000000000000","startedAt":"2026-03-29T01:30:00+00:00","endedAt":"2026-03-29T01:30:00+00:00","doneBytes":7,"storedBytes":8,"notes":["note"],"error":"no room","target":null},"location":{"id":"00000006-0000-7000-8000-000000000000","name":"vault","finding":"damage"}}
        """;

    static Guid Uuid(int number) => new($"{number:x8}-0000-7000-8000-000000000000");
}
