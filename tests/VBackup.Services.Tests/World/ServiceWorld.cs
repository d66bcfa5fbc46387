using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Platform.Secrets;
using VBackup.Primitives;
using VBackup.Service;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Snapshots;
using VBackup.Vault;
using VBackup.Vault.Stores;
using VBackup.Worker;

namespace VBackup.Services.Tests.World;

/// <summary>The vBackup service, a region's vSnapshot service and a worker, on a lab cloud and a location in a folder. Nothing happens by
/// itself: a test says who does what next. What the Portal is told is kept.</summary>
sealed class ServiceWorld : IAsyncDisposable
{
    public const string Region = "here";

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-services-").FullName;
    readonly MasterKey _master;
    EdgeCloud? _cloud;
    Func<IObjectStore, IObjectStore>? _stores;
    IAsyncDisposable? _line;

    ServiceWorld()
    {
        var key = RandomNumberGenerator.GetBytes(MasterKey.Size);
        _master = new(key);
        File.WriteAllBytes(MasterKeyFile, key);
    }

    public string MasterKeyFile => Path("master.key");

    public FakeTimeProvider Clock { get; } = new(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public IdSource Ids { get; private set; } = null!;
    public ProjectId Project { get; private set; }
    public LocationId Location { get; private set; }
    public WorkerId WorkerId { get; private set; }
    public ChangeMaker<BackupDb> Backup { get; private set; } = null!;
    public ChangeMaker<SnapshotsDb> Snapshots { get; private set; } = null!;
    public OutboxPump<BackupDb> BackupPump { get; private set; } = null!;
    public OutboxPump<SnapshotsDb> SnapshotsPump { get; private set; } = null!;
    public IMessageEndpoint BackupEndpoint { get; private set; } = null!;
    public IMessageEndpoint SnapshotsEndpoint { get; private set; } = null!;
    public SnapshotWork SnapshotWork { get; private set; } = null!;
    public WorkSource Source { get; private set; } = null!;

    /// <summary>What the world's own worker calls.</summary>
    public IWorkSource Line { get; private set; } = null!;
    public TaskRunner Worker { get; private set; } = null!;
    public Clockwork Clockwork { get; private set; } = null!;
    public HeardPortal Portal { get; } = new();
    public InProcessTransport Transport { get; } = new();
    public ProjectSecrets Secrets { get; private set; } = null!;

    /// <summary>What others do in each round of <see cref="SettleAsync"/>; whether it did something.</summary>
    public Func<Task<bool>>? AlsoSettles { get; set; }
    public EdgeCloud Cloud => _cloud!;

    /// <param name="storage">In place of the lab cloud's, which it is given.</param>
    /// <param name="stores">What lies around each store of a vault; the vaults go by the world's clock then.</param>
    public static async Task<ServiceWorld> MakeAsync(WorkLimits? limits = null, Func<IVolumeStorage, IVolumeStorage>? storage = null,
        SnapshotLimits? snapshots = null, Func<TimeProvider, Func<IObjectStore, IObjectStore>>? stores = null)
    {
        var world = new ServiceWorld();
        world._stores = stores?.Invoke(world.Clock);
        try
        {
            await world.BuildAsync(limits ?? new(), storage, snapshots ?? new());
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    async Task BuildAsync(WorkLimits limits, Func<IVolumeStorage, IVolumeStorage>? storage, SnapshotLimits snapshots)
    {
        Ids = new(Clock, RandomNumberGenerator.Fill);
        (Project, Location, WorkerId) = (Ids.New<ProjectId>(), Ids.New<LocationId>(), Ids.New<WorkerId>());
        foreach (var folder in (string[])["cloud", "cloud/volumes", "cloud/servers", "location", "images"])
            Directory.CreateDirectory(Path(folder));
        var lab = LabCloud.Open(Path("cloud"));
        _cloud = storage is null ? EdgeCloud.Of(lab, TimeSpan.FromSeconds(5)) : EdgeCloud.Of(lab.Hypervisor, storage(lab.Storage));
        var backupDb = new SqliteDatabase<BackupDb>(Path("backup.db"), options => new(options));
        var snapshotsDb = new SqliteDatabase<SnapshotsDb>(Path("snapshots.db"), options => new(options));
        await backupDb.PrepareAsync(schemaVersion: 1, default);
        await snapshotsDb.PrepareAsync(schemaVersion: 1, default);
        Backup = new(backupDb, Ids, Clock);
        Snapshots = new(snapshotsDb, Ids, Clock);
        BackupEndpoint = new MessageEndpoint<BackupDb>(Backup, BackupMessages.Handlers());
        SnapshotsEndpoint = new MessageEndpoint<SnapshotsDb>(Snapshots, SnapshotOrders.Handlers(Region));
        var transport = Transport;
        transport.Connect(Destination.Portal, Portal);
        transport.Connect(Destination.Backup, BackupEndpoint);
        transport.Connect(Destination.Snapshots(Region), SnapshotsEndpoint);
        BackupPump = new(backupDb, transport, Clock);
        SnapshotsPump = new(snapshotsDb, transport, Clock);
        SnapshotWork = new(Snapshots, Cloud, snapshots);
        Clockwork = new(Backup);
        var secrets = Secrets = new ProjectSecrets(_master);
        Line = Source = new(Backup, limits, secrets);
        Worker = NewWorker();
        await Backup.MakeAsync(async change =>
        {
            change.Db.Workers.Add(new(WorkerId, Region, "worker"));
            var location = new Location(Location, Project, Region, "main", LocationKindView.FileSystem, Path("location"));
            location.WasChecked(null, Clock.GetUtcNow());
            change.Db.Locations.Add(location);
            await secrets.EnsureKeyAsync(change, Project, default);
        }, default);
    }

    public TaskRunner NewWorker(IWorkSource? source = null) => new(source ?? Line, WorkerId, Cloud,
        new(_stores is null ? new() : new VaultRuntime { Clock = Clock }, 128 * 1024, RetryLimits.Brief, around: _stores), Clock,
        images: new(Path("images")));

    /// <summary>From now on the world's worker is this one, and calls the service over this line, which ends with the world.</summary>
    public void Reach(WorkerId worker, IWorkSource line, IAsyncDisposable ending)
    {
        (WorkerId, Line, _line) = (worker, line, ending);
        Worker = NewWorker();
    }

    public string Path(string name) => System.IO.Path.Combine(_folder, name);

    public string VolumePath(string volume) => Path($"cloud/volumes/{volume}.raw");

    /// <summary>A server of the lab cloud that is shut down.</summary>
    public async Task<ServerRef> AddServerAsync(string name, params (string Disk, byte[] Content)[] disks)
    {
        foreach (var (disk, content) in disks) await File.WriteAllBytesAsync(VolumePath($"{name}-{disk}"), content);
        return await DeclareServerAsync(name, "shutdown", [.. disks.Select(disk => (disk.Disk, $"{name}-{disk.Disk}"))]);
    }

    /// <summary>A server on volumes that there are; one that was declared before becomes this.</summary>
    public async Task<ServerRef> DeclareServerAsync(string name, string state, params (string Disk, string Volume)[] disks)
    {
        await File.WriteAllTextAsync(Path($"cloud/servers/{name}.json"), JsonSerializer.Serialize(new
        { state, disks = disks.Select(disk => new { name = disk.Disk, volume = disk.Volume }) }));
        return new(Region, (await Cloud.Hypervisor.FindAsync(name, default))!.Id);
    }

    public Task TellBackupAsync<TMessage>(
        TMessage message, System.Text.Json.Serialization.Metadata.JsonTypeInfo<TMessage> type, DateTimeOffset? notAfter = null)
        where TMessage : class, IMessage =>
        BackupEndpoint.DeliverAsync(new(Ids.New<MessageId>(), Destination.Backup, TMessage.Name, JsonSerializer.Serialize(message, type),
            Clock.GetUtcNow(), notAfter), default);

    public Task TellSnapshotsAsync<TMessage>(
        TMessage message, System.Text.Json.Serialization.Metadata.JsonTypeInfo<TMessage> type, DateTimeOffset? notAfter = null)
        where TMessage : class, IMessage =>
        SnapshotsEndpoint.DeliverAsync(new(Ids.New<MessageId>(), Destination.Snapshots(Region), TMessage.Name,
            JsonSerializer.Serialize(message, type),
            Clock.GetUtcNow(), notAfter), default);

    public async Task<StartBackup> OrderBackupAsync(ServerRef server, PointKind kind = PointKind.Incremental,
        RunTrigger trigger = RunTrigger.Policy,
        IReadOnlyList<string>? disks = null, LocationId? location = null, ProjectId? project = null)
    {
        var order = new StartBackup(Ids.New<RunId>(), Ids.New<RestorePointId>(), project ?? Project, Ids.New<PlanId>(), server, "web",
            location ?? Location, disks,
            trigger, kind,
            ["daily"], Clock.GetUtcNow(), null);
        await TellBackupAsync(order, MessageJson.Default.StartBackup);
        return order;
    }

    /// <summary>Another location in a folder.</summary>
    public async Task<LocationId> AddLocationAsync(string name, ProjectId project)
    {
        var id = Ids.New<LocationId>();
        Directory.CreateDirectory(Path(name));
        await Backup.MakeAsync(async change =>
        {
            var location = new Location(id, project, Region, name, LocationKindView.FileSystem, Path(name));
            location.WasChecked(null, Clock.GetUtcNow());
            change.Db.Locations.Add(location);
            await new ProjectSecrets(_master).EnsureKeyAsync(change, project, default);
        }, default);
        return id;
    }

    public async Task<StartRestore> OrderRestoreAsync(
        RestorePointId point, RestoreTarget target = RestoreTarget.Original, string? newName = null, string? volume = null,
            bool stops = false)
    {
        var order = new StartRestore(Ids.New<RunId>(), Project, point, target, newName, volume, stops, RunTrigger.Manual);
        await TellBackupAsync(order, MessageJson.Default.StartRestore);
        return order;
    }

    /// <summary>Everybody does what there is to do, until there is nothing more.</summary>
    public async Task SettleAsync()
    {
        const int RoundsMax = 100;
        for (var round = 0; round < RoundsMax; round++)
        {
            await BackupPump.SendDueAsync(default);
            await SnapshotsPump.SendDueAsync(default);
            var snapshots = await SnapshotWork.DoDueAsync(default);
            var worked = await Worker.RunOneAsync(default);
            var others = AlsoSettles is { } also && await also();
            if (!worked && !others && snapshots == 0 && await WaitingAsync() == 0) return;
        }
        throw new InvalidOperationException("it does not come to rest");
    }

    /// <summary>Everybody works until a task is the next that a worker takes up.</summary>
    public async Task WorkUntilAsync(WorkKind next)
    {
        const int RoundsMax = 20;
        for (var round = 0; round < RoundsMax; round++)
        {
            await BackupPump.SendDueAsync(default);
            await SnapshotWork.DoDueAsync(default);
            await SnapshotsPump.SendDueAsync(default);
            if (await Backup.MakeAsync(change => Task.FromResult(change.Db.Tasks.Any(
                task => task.Kind == next && task.State == WorkTaskState.Ready)), default)) return;
            await Worker.RunOneAsync(default);
        }
        throw new InvalidOperationException($"there was no {next}");
    }

    public async Task<ServerState> StateOfAsync(string server) => (await Cloud.Hypervisor.FindAsync(server, default))!.State;

    async Task<int> WaitingAsync()
    {
        var now = Clock.GetUtcNow();
        return await Backup.MakeAsync(change => Task.FromResult(change.Db.Outbox.Count(message => message.NextAttemptAt <= now)), default)
            + await Snapshots.MakeAsync(change => Task.FromResult(change.Db.Outbox.Count(message => message.NextAttemptAt <= now)),
                default);
    }

    public Task ChangeLocationAsync(Action<Location> change) =>
        Backup.MakeAsync(async made => change((await made.Db.Locations.FindAsync(Location))!), default);

    /// <summary>Points that the project's vault has.</summary>
    public int VaultPoints => VaultPointsAt("location");

    public int VaultPointsAt(string location) => Directory.Exists(Path($"{location}/{Project}/points"))
        ? Directory.EnumerateFiles(Path($"{location}/{Project}/points"), "*", SearchOption.AllDirectories).Count() : 0;

    /// <summary>Snapshots that the storage has of a server now.</summary>
    public async Task<IReadOnlyList<string>> SnapshotNamesAsync(string server)
    {
        var found = (await Cloud.Hypervisor.FindAsync(server, default))!;
        return [.. (await Cloud.Storage.Snapshots.ListAsync([.. found.Disks.Select(disk => disk.Volume)], default)).Select(one =>
            one.Name)];
    }

    public async ValueTask DisposeAsync()
    {
        if (_line is not null) await _line.DisposeAsync();
        if (_cloud is not null) await _cloud.DisposeAsync();
        _master.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>What the Portal was told last of each run, point and snapshot; older news that come late change nothing.</summary>
sealed class HeardPortal : IMessageEndpoint
{
    readonly Dictionary<RunId, RunChanged> _runs = [];
    readonly Dictionary<RunId, RunRefused> _refused = [];
    readonly Dictionary<RestorePointId, PointChanged> _points = [];
    readonly Dictionary<SnapshotId, SnapshotChanged> _snapshots = [];

    public int Heard { get; private set; }

    public bool IsDown { get; set; }

    /// <summary>The real one, where there is one: it hears the same.</summary>
    public IMessageEndpoint? Real { get; set; }

    public RunChanged Run(RunId id) => _runs[id];

    public RunRefused Refused(RunId id) => _refused[id];

    public PointChanged Point(RestorePointId id) => _points[id];

    public SnapshotsSurveyed? Survey { get; private set; }

    /// <summary>The server that a restore made last.</summary>
    public ServerMade? Made { get; private set; }

    public IReadOnlyCollection<SnapshotChanged> Snapshots => _snapshots.Values;

    public Task DeliverAsync(Envelope envelope, CancellationToken cancellation)
    {
        if (IsDown) throw new InvalidOperationException("the Portal is down");
        Heard++;
        switch (envelope.Name)
        {
            case "run-changed":
                var run = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.RunChanged)!;
                if (!_runs.TryGetValue(run.Run, out var knownRun) || knownRun.Version < run.Version) _runs[run.Run] = run;
                break;
            case "run-refused":
                var refused = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.RunRefused)!;
                _refused[refused.Run] = refused;
                break;
            case "server-made":
                Made = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.ServerMade)!;
                break;
            case "point-changed":
                var point = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.PointChanged)!;
                if (!_points.TryGetValue(point.Point, out var knownPoint) || knownPoint.Version < point.Version)
                    _points[point.Point] = point;
                break;
            case "snapshot-changed":
                var snapshot = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.SnapshotChanged)!;
                if (!_snapshots.TryGetValue(snapshot.Snapshot, out var known) || known.Version < snapshot.Version)
                    _snapshots[snapshot.Snapshot] = snapshot;
                break;
            case "snapshots-surveyed":
                Survey = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.SnapshotsSurveyed)!;
                break;
            default:
                if (Real is null && envelope.Name is not "location-changed") throw new UnknownMessageException(envelope.Name);
                break;
        }
        return Real?.DeliverAsync(envelope, cancellation) ?? Task.CompletedTask;
    }
}
