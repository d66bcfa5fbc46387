using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Time.Testing;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Secrets;
using VBackup.Primitives;
using VBackup.Service;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Snapshots;

namespace VBackup.Services.Tests.Crashes;

/// <summary>
/// A region with one server, the services and two workers, in a folder. All that lasts is on disk: whoever dies comes back with that and
/// nothing else. Nothing happens by itself.
/// </summary>
sealed class CrashWorld : IAsyncDisposable
{
    public const string Region = "here", Server = "web";
    public const int VolumeSize = 192 * 1024;
    public const int BinDays = 7;
    const int WorkersMax = 2;

    static readonly DateTimeOffset s_start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    static readonly TimeSpan s_workTakes = TimeSpan.FromSeconds(1);
    // Memory, where there is such a folder: nobody pulls the plug on this machine.
    static readonly string s_root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
    static readonly Lazy<Task<(byte[] Backup, byte[] Snapshots)>> s_emptyDatabases = new(MakeDatabasesAsync);

    readonly StringBuilder _story = new();
    readonly Dictionary<VolumeId, int> _takenOver = [];
    int _leases;
    readonly MasterKey _master;
    string? _accusation;
    readonly ProjectSecrets _secrets;

    CrashWorld(int seed, FaultPlan faults, BrokenRules broken)
    {
        (Random, Whims, Faults, Broken) = (new(seed), new(~seed), faults, broken);
        HasBin = Whims.Next(3) > 0;
        ReportEvery = TimeSpan.FromSeconds(Whims.Next(8) == 0 ? 2 : 15);
        Folder = Path.Combine(s_root, $"vbackup-crashes-{RandomNumberGenerator.GetHexString(16, lowercase: true)}");
        Directory.CreateDirectory(Folder);
        var filler = new Random(seed);
        var key = new byte[MasterKey.Size];
        filler.NextBytes(key);
        _master = new(key);
        _secrets = new(_master);
        Ids = new(Clock, bytes =>
        {
            lock (filler) filler.NextBytes(bytes);
        });
        (Project, Location) = (Ids.New<ProjectId>(), Ids.New<LocationId>());
        Lab = LabCloud.Open(Path.Combine(Folder, "cloud"), TimeSpan.FromSeconds(2), new LeapingClock(Clock));
        Guest = new(Lab.Hypervisor, Server, Volumes, VolumePath, Clock);
        Instants = new(Lab.Storage, Path.Combine(Folder, "cloud", "instants"), Guest);
        Post = new(faults, Tell) { Breaks = broken.Post };
        Portal = new(this);
        Post.Connect(Destination.Portal, Place.ToPortal, () => Portal);
        Post.Connect(Destination.Backup, Place.ToBackup, () => Backup.Endpoint);
        Post.Connect(Destination.Snapshots(Region), Place.ToSnapshots, () => Snapshots.Endpoint);
    }

    public static IReadOnlyList<string> Disks { get; } = ["vda", "vdb"];
    public static IReadOnlyList<string> Volumes { get; } = [.. Disks.Select(disk => $"{Server}-{disk}")];

    public Random Random { get; }

    /// <summary>For what changes a story, and not the order in which all else happens.</summary>
    public Random Whims { get; }

    /// <summary>What is deleted can be brought back.</summary>
    public bool HasBin { get; }

    /// <summary>How often workers say how far they are: mostly as seldom as they may, so that a story has other steps too.</summary>
    public TimeSpan ReportEvery { get; }
    public FaultPlan Faults { get; }
    public BrokenRules Broken { get; }
    public string Folder { get; }
    public FakeTimeProvider Clock { get; } = new(s_start);
    public IdSource Ids { get; }
    public ProjectId Project { get; }
    public LocationId Location { get; }
    public LabCloud Lab { get; }
    public SimulatedGuest Guest { get; }
    public KnownInstants Instants { get; }
    public Post Post { get; }
    public Listener Portal { get; }
    public bool RanAtFirst { get; private set; }
    public ServerRef ServerRef { get; private set; } = null!;
    public string BackupDb => Path.Combine(Folder, "backup.db");
    public string SnapshotsDb => Path.Combine(Folder, "snapshots.db");
    public string Story => _story.ToString();


    // Those who are dead are here until they are back, and answer nobody.
    public BackupProcess Backup { get; private set; } = null!;
    public SnapshotsProcess Snapshots { get; private set; } = null!;

    /// <summary>Under which epoch each task was given out last.</summary>
    public ConcurrentDictionary<WorkTaskId, int> Epochs { get; } = new();
    public List<WorkerProcess> Workers { get; } = [];

    public static async Task<CrashWorld> MakeAsync(int seed, FaultPlan faults, BrokenRules broken)
    {
        var world = new CrashWorld(seed, faults, broken);
        try
        {
            await world.BuildAsync();
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    async Task BuildAsync()
    {
        var (backup, snapshots) = await s_emptyDatabases.Value;
        await File.WriteAllBytesAsync(BackupDb, backup);
        await File.WriteAllBytesAsync(SnapshotsDb, snapshots);
        Directory.CreateDirectory(Path.Combine(Folder, "location"));
        foreach (var volume in Volumes)
        {
            var content = new byte[VolumeSize];
            Random.NextBytes(content);
            await File.WriteAllBytesAsync(VolumePath(volume), content);
        }
        RanAtFirst = Random.Next(4) > 0;
        var state = RanAtFirst ? "running" : "shutdown";
        await File.WriteAllTextAsync(Path.Combine(Folder, "cloud", "servers", Server + ".json"), JsonSerializer.Serialize(new
        { state, disks = Disks.Zip(Volumes, (disk, volume) => new { name = disk, volume }) }));
        ServerRef = new(Region, (await Lab.Hypervisor.FindAsync(Server, default))!.Id);
        await Guest.LookAsync();
        Tell($"the server is {state}; planned: {string.Join(", ", Faults.Planned)}");
        // Nobody dies while the world is made.
        var maker = new BackupProcess(new("maker", FaultPlan.None, Tell), this, _secrets);
        List<WorkerId> workers = [.. Enumerable.Range(0, WorkersMax).Select(_ => Ids.New<WorkerId>())];
        await maker.Changes.MakeAsync(async change =>
        {
            foreach (var id in workers) change.Db.Workers.Add(new(id, Region, $"worker-{id.Value:N}"));
            var location = new Location(Location, Project, Region, "main", LocationKindView.FileSystem, Path.Combine(Folder, "location"));
            location.WasChecked(null, Clock.GetUtcNow());
            location.IsLimited(quotaBytes: 1 << 30, softDeleteDays: HasBin ? BinDays : 0);
            change.Db.Locations.Add(location);
            await _secrets.EnsureKeyAsync(change, Project, default);
        }, default);
        ReviveServices();
        for (var i = 0; i < WorkersMax; i++) Workers.Add(NewWorker(i, workers[i]));
    }

    static async Task<(byte[] Backup, byte[] Snapshots)> MakeDatabasesAsync()
    {
        return (await MakeAsync<BackupDb>(options => new(options)), await MakeAsync<SnapshotsDb>(options => new(options)));

        static async Task<byte[]> MakeAsync<TDb>(Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb
        {
            var path = Path.Combine(s_root, $"vbackup-crashes-{RandomNumberGenerator.GetHexString(16, lowercase: true)}.db");
            var database = new SqliteDatabase<TDb>(path, make);
            await database.PrepareAsync(schemaVersion: 1, default);
            // What the log has comes into the file with the last connection.
            await using (var db = database.CreateDbContext()) SqliteConnection.ClearPool((SqliteConnection)db.Database.GetDbConnection());
            var empty = await File.ReadAllBytesAsync(path);
            File.Delete(path);
            return empty;
        }
    }

    public void Tell(string what)
    {
        lock (_story) _story.Append((Clock.GetUtcNow() - s_start).TotalSeconds.ToString("0", null)).Append(" s  ").AppendLine(what);
    }

    /// <summary>Nobody takes a volume over from who was given his task later.</summary>
    public void NoteTakingOver(Life life, VolumeId volume)
    {
        if (life.Holds is not { } held) return;
        lock (_takenOver)
        {
            if (_takenOver.GetValueOrDefault(volume) > held.Number)
                Accuse($"{life.Name} takes {volume} over under epoch {held.Epoch}, from who got its task later");
            _takenOver[volume] = held.Number;
        }
    }

    public int NextLease() => Interlocked.Increment(ref _leases);

    /// <summary>Something holds that must not. Where it is found, somebody may take it for a failure that can pass.</summary>
    public void Accuse(string what)
    {
        Tell(what);
        lock (_story) _accusation ??= what;
    }

    public void RequireBlameless()
    {
        lock (_story)
            if (_accusation is not null) throw new SimulationFailure(_accusation);
    }

    public string VolumePath(string volume) => Path.Combine(Folder, "cloud", "volumes", volume + ".raw");

    /// <summary>Points that the vault has.</summary>
    public IReadOnlyList<string> VaultPoints
    {
        get
        {
            var folder = Path.Combine(Folder, "location", Project.ToString(), "points");
            return Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))] : [];
        }
    }

    /// <summary>Time passes, for all who are awake.</summary>
    public void Pass(TimeSpan time)
    {
        Clock.Advance(time);
        foreach (var worker in Workers.ToList())
            if (!worker.Life.IsAsleep && !worker.Life.IsDead) worker.Clock.Advance(time);
    }

    /// <summary>Services that are down come back.</summary>
    public void ReviveServices()
    {
        if (Backup is null or { Life.IsDead: true }) Backup = new(new("backup", Faults, Tell), this, _secrets);
        if (Snapshots is null or { Life.IsDead: true }) Snapshots = new(new("snapshots", Faults, Tell), this);
    }

    public void Replace(WorkerProcess worker) => Workers[Workers.IndexOf(worker)] = NewWorker(Workers.IndexOf(worker), worker.Id);

    WorkerProcess NewWorker(int number, WorkerId id)
    {
        var life = new Life($"worker {number}", Faults, Tell, standsStill: true) { Takes = () => Pass(s_workTakes) };
        return new(life, this, id, new(Clock.GetUtcNow()));
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DisposeAsync();
        _master.Dispose();
        foreach (var path in (string[])[BackupDb, SnapshotsDb])
        {
            using var connection = new SqliteConnection(MortalDatabase<BackupDb>.ConnectionTo(path));
            SqliteConnection.ClearPool(connection);
        }
        Directory.Delete(Folder, recursive: true);
    }
}
