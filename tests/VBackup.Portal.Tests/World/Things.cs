using System.Text.Json.Serialization.Metadata;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Locations;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Tests.World;

/// <summary>What a Portal has been told of, and what its users have declared, without anybody who tells it.</summary>
static class Things
{
    public const string Region = "hn1";

    public static async Task SystemPoliciesAsync(this PortalWorld world) =>
        await world.Changes.MakeAsync(change => SystemPolicies.EnsureAsync(change, CancellationToken.None), CancellationToken.None);

    public static async Task<ServerRef> ServerAsync(this PortalWorld world, string name = "web", ProjectId? project = null,
        bool isGone = false)
    {
        var server = new ServerRow(Region, "id-of-" + name, project ?? world.Project);
        server.WasSeen(new(server.ServerId, name, "running",
            [new("vda", "pool/" + name + "-a", 1 << 30, 1 << 20), new("vdb", "pool/" + name + "-b", 1 << 30, null)]),
            world.Clock.GetUtcNow());
        if (isGone) server.HasGone();
        await world.SaveAsync(server);
        return server.Ref;
    }

    public static async Task<LocationId> LocationAsync(this PortalWorld world, string name = "vault", ProjectId? project = null,
        bool isDefault = true)
    {
        var row = new LocationRow(world.Ids.New<LocationId>());
        row.Changes(new(row.Id, 1, project ?? world.Project, Region, name, LocationKindView.FileSystem, "/srv/" + name, null,
            LocationStateView.Ready, null, isDefault, false, null, 0, 7, null, null));
        await world.SaveAsync(row);
        return row.Id;
    }

    /// <summary>The Portal hears that a location of its own is locked.</summary>
    public static Task LockAsync(this PortalWorld world, LocationId id, LocationLock held) => world.Changes.MakeAsync(async change =>
    {
        var row = (await change.Db.Locations.FindAsync(id))!;
        await HeardLocation.HearAsync(change,
            new(row.Id, row.Version + 1, row.Project, row.Region, row.Name, row.Kind, row.Address, null, row.State,
            null, row.IsDefault, false, null, 0, row.SoftDeleteDays, null, null, held, CanHoldPoints: held.IsEnforcedByStore), default);
    }, default);

    public static async Task<PolicyId> PolicyAsync(this PortalWorld world, string name = "nightly", ProjectId? project = null, int keep = 7)
    {
        var row = new PolicyRow(world.Ids.New<PolicyId>(), project ?? world.Project, name,
            new(new LocalTime(1, 0), "Etc/UTC", Daily: new(keep)));
        await world.SaveAsync(row);
        return row.Id;
    }

    public static async Task<PlanId> PlanAsync(this PortalWorld world, ServerRef server, LocationId location, PolicyId policy,
        string name = "web",
        ProjectId? project = null)
    {
        var plan = new Plan(world.Ids.New<PlanId>(), project ?? world.Project, server, name, policy, location, VolumeChoice.All, "",
            world.Clock.GetUtcNow());
        await world.SaveAsync(plan);
        return plan.Id;
    }

    public static async Task<RestorePointId> PointAsync(this PortalWorld world, ServerRef server, LocationId location,
        RestorePointState state = RestorePointState.Active, RunTrigger trigger = RunTrigger.Policy, DateTimeOffset? at = null,
            ProjectId? project = null,
        string serverName = "web", string? instantKind = null, double? skewSeconds = null, PointConfiguration? configuration = null)
    {
        var taken = at ?? world.Clock.GetUtcNow();
        var row = new PointRow(world.Ids.New<RestorePointId>());
        row.Changes(new(row.Id, 1, project ?? world.Project, null, world.Ids.New<RunId>(), server, serverName, location, state,
            PointKind.Full, trigger,
            trigger == RunTrigger.Policy ? ["daily"] : [], taken, taken, taken, "crash", "vault-name", false,
            [new("vda", 1 << 30, PointKind.Full, 1 << 20, 1 << 19), new("vdb", 1 << 30, PointKind.Full, 1 << 20, 1 << 19)], null, null,
            false, instantKind, skewSeconds, configuration));
        await world.SaveAsync(row);
        return row.Id;
    }

    public static async Task<RunId> RunAsync(this PortalWorld world, ServerRef server, RunState state = RunState.Transferring,
        RunKind kind = RunKind.Backup, DateTimeOffset? startedAt = null, ProjectId? project = null, string serverName = "web")
    {
        var row = new RunRow(world.Ids.New<RunId>());
        row.Changes(RunNow(world, row.Id, server, state, 1, 10, kind, startedAt, project, serverName));
        await world.SaveAsync(row);
        return row.Id;
    }

    public static RunChanged RunNow(PortalWorld world, RunId run, ServerRef server, RunState state, long version, long doneBytes,
        RunKind kind = RunKind.Backup, DateTimeOffset? startedAt = null, ProjectId? project = null, string serverName = "web") =>
        new(run, version, kind, project ?? world.Project, null, server, serverName, world.Ids.New<LocationId>(),
            world.Ids.New<RestorePointId>(),
            RunTrigger.Manual, state, startedAt ?? world.Clock.GetUtcNow(), state >= RunState.Succeeded ? world.Clock.GetUtcNow() : null,
                doneBytes, 100, 5,
            [], null, null);

    public static async Task<SnapshotId> SnapshotAsync(this PortalWorld world, ServerRef server, string name = "before-upgrade",
        SnapshotState state = SnapshotState.Ready, SnapshotPurpose purpose = SnapshotPurpose.Manual, ProjectId? project = null)
    {
        var row = new SnapshotRow(world.Ids.New<SnapshotId>());
        row.Changes(new(row.Id, 1, project ?? world.Project, server, name, purpose, state,
            [new("vda", $"pool/{server.Id["id-of-".Length..]}-a", 1 << 30, null)], world.Clock.GetUtcNow(), null, null));
        await world.SaveAsync(row);
        return row.Id;
    }

    /// <summary>The Portal is told something.</summary>
    public static Task HearAsync(this PortalWorld world, SnapshotsSurveyed report) => world.Changes.MakeAsync(
        change => Surveys.ReportedAsync(report, change, CancellationToken.None), CancellationToken.None);

    /// <summary>A daily restore to a new server.</summary>
    public static async Task<RestoreScheduleId> RestoreScheduleAsync(this PortalWorld world, ServerRef server, string name = "test",
        ProjectId? project = null)
    {
        var schedule = RestoreSchedule.Repeated(world.Ids.New<RestoreScheduleId>(), project ?? world.Project, name, server, "web",
            new(null, RestoreTarget.NewServer, "copy", null, false), new(new(3, 0), "UTC", Daily: new()), world.Clock.GetUtcNow());
        await world.SaveAsync(schedule);
        return schedule.Id;
    }

    /// <summary>A webhook, and a test that it is still to be sent.</summary>
    public static async Task<(WebhookId Webhook, NotificationId Notification)> WebhookAsync(
        this PortalWorld world, string name = "hook", string url = "https://receiver.example/hook", ProjectId? project = null)
    {
        var id = world.Ids.New<WebhookId>();
        var webhook = new Webhook(id, project ?? world.Project, name, url, world.WebhookSecrets.New(id).Wrapped, world.Clock.GetUtcNow());
        await world.SaveAsync(webhook);
        var notification = await world.Changes.MakeAsync(change => Task.FromResult(Notices.Test(change, webhook).Id),
            CancellationToken.None);
        return (id, notification);
    }

    /// <summary>What the Portal is about to send, of one kind.</summary>
    public static async Task<List<TMessage>> SentAsync<TMessage>(this PortalWorld world, JsonTypeInfo<TMessage> type) where TMessage
        : class, IMessage
    {
        await using var db = world.Db();
        var name = TMessage.Name;
        var bodies = await db.Outbox.Where(one => one.Name == name).OrderBy(one => one.Id).Select(one => one.Body).ToListAsync();
        return [.. bodies.Select(body => JsonSerializer.Deserialize(body, type)!)];
    }

    /// <summary>What the audit says that was done by those of <see cref="PortalWorld.MemberAsync"/>, by name.</summary>
    public static async Task<List<string>> AuditAsync(this PortalWorld world)
    {
        await using var db = world.Db();
        return await db.Set<Audit.AuditEntry>().Where(one => one.Who == "member").OrderBy(one => one.Action).Select(one => one.Action)
            .ToListAsync();
    }
}
