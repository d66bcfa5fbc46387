using System.Text.Json;
using System.Text.RegularExpressions;
using VBackup.Clouds.Lab;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>
/// A whole system as a process that is killed and started again on the same data, with a folder as location. Its cloud is a lab cloud with
/// one server of two disks, whose guest lives on in the test's own process and keeps its journal on both.
/// </summary>
internal sealed class KilledSystem : IAsyncDisposable
{
    public const string Server = "web";
    public static readonly string[] Volumes = ["web-boot", "web-data"];
    const string Password = "correct horse battery staple";
    const int JournalBytes = 256 * 1024, BootBytes = 3 << 20, DataBytes = 1 << 20, LooksMax = 600;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(100);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-killed-").FullName;
    readonly LabCloud _cloud;
    System.Net.Http.Headers.AuthenticationHeaderValue? _session;
    Steps _steps = new();
    UpProcess? _up;
    LabGuest? _guest;

    KilledSystem()
    {
        _cloud = LabCloud.Open(At("cloud"));
        WriteVolume(Volumes[0], BootBytes, 1);
        WriteVolume(Volumes[1], DataBytes, 2);
        File.WriteAllText(At($"cloud/servers/{Server}.json"), JsonSerializer.Serialize(new
        {
            state = "running",
            disks = new[] { new { name = "vda", volume = Volumes[0] }, new { name = "vdb", volume = Volumes[1] } },
        }));
        File.WriteAllText(At("cloud.json"), JsonSerializer.Serialize(new { kind = "lab", folder = At("cloud") }));
    }

    public UpProcess Up => _up ?? throw new InvalidOperationException("it does not run");
    public LabGuest Guest => _guest ?? throw new InvalidOperationException("no guest runs");
    public string ServerPath { get; private set; } = "";

    /// <summary>What each point has to hold, by its id: the two volumes, as the storage had them at its instant.</summary>
    public Dictionary<string, byte[][]> Points { get; } = [];

    /// <summary>Runs that were asked for.</summary>
    public int Runs { get; private set; }

    /// <summary>The server runs, and its guest writes; the system runs, and has made its first location.</summary>
    public static async Task<KilledSystem> MakeAsync()
    {
        Steps.Need();
        var system = new KilledSystem();
        try
        {
            system._guest = await LabGuest.StartAsync(system._cloud, Server, default);
            await system.StartAsync();
            await system.Up.SignInAsync(Password);
            system._session = system.Up.Http.DefaultRequestHeaders.Authorization;
            system.ServerPath = await system.Up.FirstServerAsync();
            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    public string At(string name) => Path.Combine(_folder, name);

    public string VolumePath(string volume) => At($"cloud/volumes/{volume}.raw");

    /// <summary>Starts it on the data that there are.</summary>
    public async Task StartAsync(params (string Setting, string Value)[] settings)
    {
        _up = await UpProcess.StartAsync(At("data"), _steps, settings.ToDictionary(one => one.Setting, one => (string?)one.Value),
            "--cloud", At("cloud.json"));
        _up.Http.DefaultRequestHeaders.Authorization = _session;
    }

    /// <summary>SIGKILL, and nothing of it is left but its data.</summary>
    public async Task KillAsync()
    {
        Up.Process.Kill();
        await Up.Process.WaitAsync();
        await ForgetProcessAsync();
    }

    /// <summary>SIGTERM: it ends by itself.</summary>
    public async Task<Ended> EndAsync()
    {
        await Up.Process.SignalAsync("TERM");
        var ended = await Up.Process.WaitAsync();
        await ForgetProcessAsync();
        return ended;
    }

    async Task ForgetProcessAsync()
    {
        await Up.DisposeAsync();
        (_up, _steps) = (null, new());
    }

    /// <summary>Done when the process, or the one that is started next, stands still behind a step.</summary>
    public Task StandsStillAt(Regex step) => _steps.StandsStillAt(step);

    public void GoOn() => _steps.GoOn(Up.Process);

    /// <summary>Asks for something that takes a run.</summary>
    /// <returns>The run.</returns>
    public async Task<JsonElement> OrderAsync(string path, object request)
    {
        Runs++;
        return await Up.PostAsync(path, request);
    }

    public Task<JsonElement> OrderBackupAsync() => OrderAsync($"servers/{ServerPath}/backups", new { });

    /// <summary>Follows a run to its end, which has to be a good one.</summary>
    public async Task ExpectSuccessAsync(JsonElement started, string when)
    {
        var state = await Up.FollowAsync(started);
        Assert.True(state == "succeeded", $"{when}: {await Up.GetAsync($"runs/{started.GetProperty("run").GetString()}")}");
    }

    /// <summary>
    /// Every run is over, and there is one for each that was asked for; there are points that are active and no others; of all
    /// snapshots, those are left that are to be.
    /// </summary>
    /// <param name="kept">Beside the one that the last backup keeps for the next.</param>
    public async Task ExpectNothingHalfDoneAsync(string when, int points, int kept = 0, bool hasBase = true)
    {
        var runs = (await Up.GetAsync("runs?limit=100")).GetProperty("items").EnumerateArray().ToList();
        Assert.True(runs.Count == Runs && runs.TrueForAll(run => run.GetProperty("isOver").GetBoolean()),
            $"{when}: {string.Join('\n', runs)}");
        // What is told of a point comes behind what is told of its run.
        List<JsonElement> found = [];
        await UntilAsync(() => $"{when}: {string.Join('\n', found)}", async () =>
        {
            found = [.. (await Up.GetAsync("points?limit=100")).GetProperty("items").EnumerateArray()];
            return found.Count == points && found.TrueForAll(point => point.GetProperty("state").GetString() == "active");
        });
        await UntilAsync(() => $"{when}: snapshots are there: {string.Join(", ", Instants())}", () =>
        {
            var instants = Instants();
            var bases = instants.Count(path => InstantOf(path).StartsWith("vb-", StringComparison.Ordinal));
            return Task.FromResult(bases == (hasBase ? 1 : 0) && instants.Count == kept + bases
                && instants.TrueForAll(path => File.Exists(Path.Combine(path, "instant.json"))));
        });
        Assert.Equal(points, Directory.EnumerateFiles(At("data/location"), "*", SearchOption.AllDirectories)
            .Count(file => file.Contains("/points/", StringComparison.Ordinal)));
    }

    /// <summary>Notes what the newest point has to hold.</summary>
    public async Task NoteNewestPointAsync()
    {
        var newest = Assert.Single((await Up.GetAsync("points?limit=100")).GetProperty("items").EnumerateArray(),
            point => !Points.ContainsKey(point.GetProperty("id").GetString()!));
        var instant = Assert.Single(Instants(), path => InstantOf(path).StartsWith("vb-", StringComparison.Ordinal));
        string[] images = [.. Volumes.Select(volume => Path.Combine(instant, volume + ".raw"))];
        Assert.True(GuestJournal.IsOfOneInstant(images[0], images[1]));
        Points.Add(newest.GetProperty("id").GetString()!, [.. images.Select(File.ReadAllBytes)]);
    }

    /// <summary>The server runs, and its guest goes on writing.</summary>
    public async Task ExpectGuestWritesAsync()
    {
        Assert.Contains("running", await File.ReadAllTextAsync(At($"cloud/servers/{Server}.json")), StringComparison.OrdinalIgnoreCase);
        await Guest.Journal.ReachAsync(Guest.Journal.Written + 3, TestContext.Current.CancellationToken);
    }

    /// <summary>The guest that was ended with its server boots again: its journal goes on only if its two disks are of one
    /// instant.</summary>
    public async Task BootGuestAsync()
    {
        if (_guest is not null) await _guest.DisposeAsync();
        _guest = await LabGuest.StartAsync(_cloud, Server, default);
        await ExpectGuestWritesAsync();
    }

    public async Task<bool> IsGuestFrozenAsync() => await _cloud.Hypervisor.IsFrozenAsync(Server, default);

    /// <summary>Every point comes back, byte for byte, as a new server, and the journal on its disks is in order.</summary>
    public async Task ExpectAllPointsRestoreAsync()
    {
        List<(string Point, string Name, JsonElement Run)> restores = [];
        foreach (var point in Points.Keys)
        {
            var name = $"back-{restores.Count}";
            restores.Add((point, name, await OrderAsync($"points/{point}/restores", new { target = "newServer", name })));
        }
        foreach (var (point, name, run) in restores)
        {
            await ExpectSuccessAsync(run, name);
            ExpectRestored(point, name);
        }
    }

    /// <summary>A new server has what the point has.</summary>
    public void ExpectRestored(string point, string server)
    {
        ExpectSame(point, $"{server}-vda", $"{server}-vdb");
        Assert.True(GuestJournal.IsOfOneInstant(VolumePath($"{server}-vda"), VolumePath($"{server}-vdb")), server);
        Assert.True(File.Exists(At($"cloud/servers/{server}.json")), server);
    }

    public void ExpectSame(string point, params string[] volumes) => Assert.All(Points[point].Zip(volumes), pair =>
        Assert.True(Holds(pair.Second, pair.First), $"{pair.Second} is not what point {point} has"));

    public bool Holds(string volume, byte[] content) => content.AsSpan().SequenceEqual(File.ReadAllBytes(VolumePath(volume)));

    public static Task UntilAsync(string what, Func<Task<bool>> look) => UntilAsync(() => what, look);

    static async Task UntilAsync(Func<string> what, Func<Task<bool>> look)
    {
        for (var looks = 0; looks < LooksMax; looks++)
        {
            if (await look()) return;
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        Assert.Fail(what());
    }

    List<string> Instants() => [.. Directory.EnumerateDirectories(At("cloud/instants"))];

    static string InstantOf(string path) => Path.GetFileName(path);

    // The journal's place is empty, the rest is noise.
    void WriteVolume(string name, int length, int seed)
    {
        var content = Contents.Incompressible(seed, length);
        content.AsSpan(0, JournalBytes).Clear();
        File.WriteAllBytes(VolumePath(name), content);
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is not null) await _up.DisposeAsync();
        if (_guest is not null) await _guest.DisposeAsync();
        await _cloud.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
