using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Portal;
using VBackup.Portal.Plans;
using VBackup.Service;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests.Postgres;

/// <summary>Several processes of a service on one database of PostgreSQL: the load is shared, nothing is done twice, and whoever is lost is
/// replaced.</summary>
public sealed class SeveralProcessesTests
{
    const int Many = 8;

    public SeveralProcessesTests() => PostgresSchemas.Skip();

    [Fact]
    public async Task Eight_who_ask_at_once_get_each_task_once()
    {
        await using var world = await MakeAsync(new() { PerHost = 1000, PerPool = 1000, PerLocation = 1000 });
        await AddTasksAsync(world, count: 40);
        var leases = await AcquireAllAsync(world, new() { PerHost = 1000, PerPool = 1000, PerLocation = 1000 });
        Assert.Equal(40, leases.Count);
        Assert.Equal(40, leases.Select(lease => lease.Task).Distinct().Count());
        Assert.All(leases, lease => Assert.Equal(1, lease.Epoch));
    }

    [Fact]
    public async Task Eight_who_ask_at_once_never_have_more_at_work_than_the_limit()
    {
        await using var world = await MakeAsync();
        await AddTasksAsync(world, count: 40);
        Assert.Equal(5, (await AcquireAllAsync(world, new() { PerHost = 5, PerPool = 1000, PerLocation = 1000 })).Count);
    }

    [Fact]
    public async Task Eight_who_report_complete_and_ask_at_once_do_all_there_is_to_do_once()
    {
        var limits = new WorkLimits { PerHost = 3, PerPool = 1000, PerLocation = 1000 };
        await using var world = await MakeAsync(limits);
        await AddTasksAsync(world, count: 24);
        var done = await AtOnce.DoAsync(Many, async _ =>
        {
            var source = SourceOf(world, limits);
            List<WorkTaskId> mine = [];
            // Whoever gets none while others are at the limit asks again, as workers do.
            for (var idle = 0; idle < 50;)
            {
                if (await source.AcquireAsync(world.WorkerId, default) is not { } lease)
                {
                    idle++;
                    continue;
                }
                idle = 0;
                Assert.IsType<WorkAnswer.GoOn>(await source.ReportAsync(lease.Task, lease.Epoch, new(1, 1, 0), default));
                Assert.True(await source.FailAsync(lease.Task, lease.Epoch, new("done with it", MayPass: false), default));
                mine.Add(lease.Task);
            }
            return mine;
        });
        Assert.Equal(24, done.SelectMany(mine => mine).Distinct().Count());
        Assert.Equal(24, done.Sum(mine => mine.Count));
    }

    [Fact]
    public async Task Two_pumps_at_once_send_each_message_once()
    {
        await using var world = await MakeAsync();
        await AddMessagesAsync(world, count: 250);
        var transport = new MeetingTransport(parties: 2);
        await AtOnce.DoAsync(2, async _ =>
        {
            var pump = new OutboxPump<BackupDb>(AgainOf(world), transport, world.Clock);
            var areMore = true;
            while (areMore) areMore = await pump.SendDueAsync(default);
        });
        Assert.Equal(250, transport.Sent.Count);
        Assert.Equal(250, transport.Sent.Distinct().Count());
        Assert.False(await new OutboxPump<BackupDb>(AgainOf(world), transport, world.Clock).SendDueAsync(default));
        Assert.Equal(250, transport.Sent.Count);
    }

    [Fact]
    public async Task What_a_lost_pump_was_at_is_sent_by_another()
    {
        await using var world = await MakeAsync();
        await AddMessagesAsync(world, count: 3);
        var stuck = new StuckTransport();
        var lost = new OutboxPump<BackupDb>(AgainOf(world), stuck, world.Clock).SendDueAsync(default);
        await stuck.IsAtIt;
        var transport = new MeetingTransport(parties: 1);
        var other = new OutboxPump<BackupDb>(AgainOf(world), transport, world.Clock);
        await other.SendDueAsync(default);
        Assert.Empty(transport.Sent);
        await PostgresSchemas.AskAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' "
            + $"AND application_name = '{ApplicationOf(world)}'");
        await other.SendDueAsync(default);
        Assert.Equal(3, transport.Sent.Count);
        stuck.GoOn();
        await Assert.ThrowsAnyAsync<Exception>(() => lost);
    }

    [Fact]
    public async Task Two_Portals_start_each_plan_that_is_due_once()
    {
        await using var world = await ProtectedWorld.MakeAsync(_ => new PostgresSchemas());
        const int Plans = 12;
        for (var i = 0; i < Plans; i++)
            await world.ProtectAsync(await world.AddServerAsync($"web-{i}", ("vda", new byte[4096])), new());
        world.Services.Clock.Advance(TimeSpan.FromDays(1));
        await AtOnce.DoAsync(2, _ => new PlanClockwork(PortalOf(world)).TurnAsync(default));
        var asked = await world.AskedAsync();
        Assert.Equal(Plans, asked.Count);
        Assert.Equal(Plans, asked.Select(run => run.Plan).Distinct().Count());
        Assert.Equal(Plans, await world.Portal.MakeAsync(change =>
            change.Db.Outbox.CountAsync(message => message.Name == StartBackup.Name), default));
        await world.TurnAsync();
        Assert.Equal(Plans, (await world.PointsAsync()).Count);
    }

    [Fact]
    public async Task Two_clockworks_at_once_give_each_location_one_task_of_a_kind()
    {
        await using var world = await MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        await world.OrderBackupAsync(server);
        await world.SettleAsync();
        // Quiet hours, a day and more later: the catalogue is to be saved, the location to be verified.
        world.Clock.Advance(TimeSpan.FromHours(39));
        await AtOnce.DoAsync(Many, _ => new Clockwork(ChangesOf(world)).TurnAsync(default));
        var open = await world.Backup.MakeAsync(change => change.Db.Tasks.Where(task => task.State == WorkTaskState.Ready)
            .Select(task => task.Kind).ToListAsync(), default);
        Assert.Contains(WorkKind.Verify, open);
        Assert.Contains(WorkKind.SaveCatalogue, open);
        Assert.Equal(open.Distinct().Count(), open.Count);
    }

    [Fact]
    public async Task A_message_that_arrives_at_several_at_once_is_carried_out_once()
    {
        await using var world = await MakeAsync();
        var server = await world.AddServerAsync("web", ("vda", new byte[4096]));
        var order = new StartBackup(world.Ids.New<RunId>(), world.Ids.New<RestorePointId>(), world.Project, world.Ids.New<PlanId>(), server,
            "web", world.Location, null, RunTrigger.Policy, PointKind.Full, ["daily"], world.Clock.GetUtcNow(), null);
        var envelope = new Envelope(world.Ids.New<MessageId>(), Destination.Backup, StartBackup.Name,
            System.Text.Json.JsonSerializer.Serialize(order, MessageJson.Default.StartBackup), world.Clock.GetUtcNow(), null);
        await AtOnce.DoAsync(Many, _ =>
            new MessageEndpoint<BackupDb>(ChangesOf(world), BackupMessages.Handlers()).DeliverAsync(envelope, default));
        Assert.Equal(1, await world.Backup.MakeAsync(change => change.Db.Runs.CountAsync(), default));
        Assert.Equal(1, await world.Backup.MakeAsync(change =>
            change.Db.Outbox.CountAsync(message => message.Name == TakeServerSnapshot.Name), default));
    }

    [Fact]
    public async Task Work_of_one_process_is_taken_over_when_it_is_lost()
    {
        await using var world = await MakeAsync();
        var (first, second) = (new Standing(), new Standing());
        var lost = SoleOf(world).RunAsync("snapshots", first.WorkAsync, default);
        await first.Begun;
        using var stop = new CancellationTokenSource();
        var after = SoleOf(world).RunAsync("snapshots", second.WorkAsync, stop.Token);
        await PostgresSchemas.UntilAsync("SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) "
            + $"WHERE locktype = 'advisory' AND NOT granted AND application_name = '{ApplicationOf(world)}'");
        Assert.False(second.Begun.IsCompleted);
        await PostgresSchemas.AskAsync("SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            + $"WHERE locktype = 'advisory' AND granted AND application_name = '{ApplicationOf(world)}'");
        await second.Begun;
        await Assert.ThrowsAsync<DatabaseFailedException>(() => lost);
        // One that is told to end makes way at once.
        var third = new Standing();
        using var stopThird = new CancellationTokenSource();
        var last = SoleOf(world).RunAsync("snapshots", third.WorkAsync, stopThird.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => after);
        await third.Begun;
        await stopThird.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => last);
    }

    static Task<ServiceWorld> MakeAsync(WorkLimits? limits = null) => ServiceWorld.MakeAsync(limits, databases: _ => new PostgresSchemas());

    /// <summary>The vBackup service's database, as another process has it.</summary>
    static IServiceDatabase<BackupDb> AgainOf(ServiceWorld world) =>
        world.Databases.OpenAgain<BackupDb>("backup", options => new(options));

    /// <summary>What the server knows the vBackup service's connections by.</summary>
    static string ApplicationOf(ServiceWorld world) => $"vbackup {((PostgresSchemas)world.Databases).SchemaOf("backup")}";

    static ChangeMaker<BackupDb> ChangesOf(ServiceWorld world) => new(AgainOf(world), world.Ids, world.Clock);

    static SoleProcess<BackupDb> SoleOf(ServiceWorld world) => new((PostgresDatabase<BackupDb>)AgainOf(world));

    static WorkSource SourceOf(ServiceWorld world, WorkLimits limits) => new(ChangesOf(world), limits, world.Secrets);

    static ChangeMaker<PortalDb> PortalOf(ProtectedWorld world) =>
        new(world.Services.Databases.OpenAgain<PortalDb>("portal", options => new(options)), world.Services.Ids, world.Services.Clock);

    static async Task<List<WorkLease>> AcquireAllAsync(ServiceWorld world, WorkLimits limits)
    {
        var leases = await AtOnce.DoAsync(Many, async _ =>
        {
            var source = SourceOf(world, limits);
            List<WorkLease> mine = [];
            while (await source.AcquireAsync(world.WorkerId, default) is { } lease) mine.Add(lease);
            return mine;
        });
        return [.. leases.SelectMany(mine => mine)];
    }

    static Task AddTasksAsync(ServiceWorld world, int count) => world.Backup.MakeAsync(change =>
    {
        for (var i = 0; i < count; i++)
            change.Db.Tasks.Add(new(change.NewId<WorkTaskId>(), WorkKind.RotateKey, world.Project, ServiceWorld.Region, "{}", change.Now)
            { Host = ServiceWorld.Region });
        return Task.CompletedTask;
    }, default);

    static Task AddMessagesAsync(ServiceWorld world, int count) => world.Backup.MakeAsync(change =>
    {
        for (var i = 0; i < count; i++)
            change.Send(Destination.Portal, new KeepSnapshotAsBase(change.NewId<SnapshotId>()), MessageJson.Default.KeepSnapshotAsBase);
        return Task.CompletedTask;
    }, default);

    /// <summary>Whoever sends waits at his first message until the others are at theirs: so they do send at once.</summary>
    sealed class MeetingTransport(int parties) : IMessageTransport
    {
        readonly Lock _lock = new();
        readonly TaskCompletionSource _met = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<MessageId> Sent { get; } = [];

        public Task SendAsync(Envelope envelope, CancellationToken cancellation)
        {
            lock (_lock)
            {
                Sent.Add(envelope.Id);
                if (Sent.Count == parties) _met.TrySetResult();
            }
            return _met.Task;
        }
    }

    /// <summary>Works until it is told to stop.</summary>
    sealed class Standing
    {
        readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Begun => _begun.Task;

        public async Task WorkAsync(CancellationToken stop)
        {
            _begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
        }
    }

    sealed class StuckTransport : IMessageTransport
    {
        readonly TaskCompletionSource _isAtIt = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task IsAtIt => _isAtIt.Task;

        public void GoOn() => _goOn.TrySetResult();

        public Task SendAsync(Envelope envelope, CancellationToken cancellation)
        {
            _isAtIt.TrySetResult();
            return _goOn.Task;
        }
    }
}
