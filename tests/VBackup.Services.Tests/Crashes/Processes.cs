using Microsoft.Extensions.Time.Testing;
using VBackup.Clouds.Lab;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Edge;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Service;
using VBackup.Service.Keys;
using VBackup.Service.Work;
using VBackup.Snapshots;
using VBackup.Vault;
using VBackup.Vault.Stores;
using VBackup.Worker;

namespace VBackup.Services.Tests.Crashes;

/// <summary>The vBackup service, from a start to a death.</summary>
sealed class BackupProcess
{
    public BackupProcess(Life life, CrashWorld world, ProjectSecrets secrets)
    {
        Life = life;
        var database = new MortalDatabase<BackupDb>(world.BackupDb, options => new(options), life, Place.BackupCommit);
        Changes = new(database, world.Ids, world.Clock);
        Endpoint = new MessageEndpoint<BackupDb>(Changes, BackupMessages.Handlers());
        Pump = new(database, world.Post.For(life), world.Clock);
        Clockwork = new(Changes);
        Source = new WorkSource(Changes, new(), secrets);
    }

    public Life Life { get; }
    public ChangeMaker<BackupDb> Changes { get; }
    public IMessageEndpoint Endpoint { get; }
    public OutboxPump<BackupDb> Pump { get; }
    public Clockwork Clockwork { get; }
    public IWorkSource Source { get; }
}

/// <summary>The region's vSnapshot service, from a start to a death.</summary>
sealed class SnapshotsProcess
{
    public SnapshotsProcess(Life life, CrashWorld world)
    {
        Life = life;
        var clock = new LeapingClock(world.Clock);
        var cloud = EdgeCloud.Of(new MortalHypervisor(world.Lab.Hypervisor, world.Guest, life, Place.FindServer),
            new MortalStorage(world, life, Place.FindServer), SimulatedGuest.HeldMax, clock);
        var database = new MortalDatabase<SnapshotsDb>(world.SnapshotsDb, options => new(options), life, Place.SnapshotsCommit);
        Changes = new(database, world.Ids, world.Clock);
        Endpoint = new MessageEndpoint<SnapshotsDb>(Changes, SnapshotOrders.Handlers(CrashWorld.Region));
        Pump = new(database, world.Post.For(life), world.Clock);
        Work = new(Changes, cloud);
        Survey = new(Changes, cloud, CrashWorld.Region);
    }

    public Life Life { get; }
    public ChangeMaker<SnapshotsDb> Changes { get; }
    public IMessageEndpoint Endpoint { get; }
    public OutboxPump<SnapshotsDb> Pump { get; }
    public SnapshotWork Work { get; }
    public SnapshotSurvey Survey { get; }

    /// <summary>Steps that are under way.</summary>
    public Task? Doing { get; set; }
}

/// <summary>A Backup Worker, from a start to a death. One thing of it at a time, so that a seed plays much the same each time.</summary>
sealed class WorkerProcess
{
    const int ChunkSize = 64 * 1024;

    static readonly WorkerBudget s_budget = new() { TasksAtOnce = 1, MemoryBytes = 8 << 20 };

    public WorkerProcess(Life life, CrashWorld world, WorkerId id, FakeTimeProvider clock)
    {
        (Life, Id, Clock) = (life, id, clock);
        var leaping = new LeapingClock(clock);
        var cloud = EdgeCloud.Of(new MortalHypervisor(world.Lab.Hypervisor, world.Guest, life, Place.LookAtServer),
            new MortalStorage(world, life, Place.LookAtVolume), SimulatedGuest.HeldMax, leaping);
        var runtime = new VaultRuntime
        {
            Clock = leaping,
            BeatInterval = null,
            PollInterval = TimeSpan.FromMilliseconds(500),
            TemporaryFolder = world.Folder,
            ReadsInFlight = 1,
            PackChecksAtOnce = 1,
            PackCommitsInFlight = 1,
        };
        Runner = new(new MortalLine(world, life), id, cloud,
            new(runtime, ChunkSize, RetryLimits.Brief, around: store => new MortalStore(store, life)), clock,
            s_budget with { ReportEvery = world.ReportEvery });
    }

    public Life Life { get; }
    public WorkerId Id { get; }

    /// <summary>That nobody sets: it stands still while the worker sleeps.</summary>
    public FakeTimeProvider Clock { get; }
    public TaskRunner Runner { get; }

    /// <summary>The task that it is at.</summary>
    public Task<bool>? Doing { get; set; }

    /// <summary>Since when it waits at a call, by the world's clock.</summary>
    public DateTimeOffset? ParkedAt { get; set; }
}
