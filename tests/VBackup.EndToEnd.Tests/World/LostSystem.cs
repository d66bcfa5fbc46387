using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A system that ran and whose data folder is gone: its server, on a lab cloud, and its locations are left, and the keys that
/// somebody
/// has put away.</summary>
internal sealed class LostSystem : IDisposable
{
    public const string Password = "correct horse battery staple";
    const int LooksMax = 600, DiskBytes = 1 << 20;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(200);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-lost-").FullName;

    readonly S3Bucket? _bucket;

    LostSystem(S3Bucket? bucket) => _bucket = bucket;

    public string Config => At("cloud.json");
    public string MasterKey => At("master.key");
    public string RecoveryKey => At("recovery.key");
    public string Project { get; private set; } = "";

    /// <summary>Ids of two points, in two locations, and what the server's disk held then.</summary>
    public List<(string Id, byte[] Content)> Points { get; } = [];

    // Whoever runs the system says where locations may be.
    Dictionary<string, string?> Places => new()
    {
        ["VBACKUP__Worker__LocationRoots__0"] = _folder,
        ["VBACKUP__Worker__S3Endpoints__0"] = _bucket is null ? null : new Uri(S3Bucket.Endpoint).Authority,
    };

    public string At(string name) => Path.Combine(_folder, name);

    /// <summary>A policy, a plan, a backup to the first location and one to the second; then everything is killed and deleted.</summary>
    /// <param name="bucket">Where the two locations are; null for folders.</param>
    public static async Task<LostSystem> MakeAsync(S3Bucket? bucket = null)
    {
        var lost = new LostSystem(bucket);
        try
        {
            await lost.RunAsync();
            return lost;
        }
        catch
        {
            lost.Dispose();
            throw;
        }
    }

    async Task RunAsync()
    {
        foreach (var folder in (string[])["cloud/volumes", "cloud/servers", "first", "second"]) Directory.CreateDirectory(At(folder));
        await WriteDiskAsync(1);
        await File.WriteAllTextAsync(At("cloud/servers/web.json"), """{"state":"shutdown","disks":[{"name":"vda","volume":"web-boot"}]}""");
        await File.WriteAllTextAsync(Config, $$"""{"kind":"lab","folder":{{JsonSerializer.Serialize(At("cloud"))}}}""");
        await using (var up = await UpProcess.StartAsync(At("data"), steps: null, Places, "--cloud", Config))
        {
            await up.SignInAsync(Password);
            var server = await up.FirstServerAsync();
            var first = await LocationAsync(up, "first");
            var second = await LocationAsync(up, "second");
            if (_bucket?.IsLocked == true) foreach (var location in (string[])[first, second]) await LockAsync(up, location);
            var webhook = await up.PostAsync("webhooks", new { name = "hook", url = "https://receiver.example/hook" });
            var policy = await up.PostAsync("policies", new
            {
                name = "nightly",
                rules = new
                {
                    launchTime = "01:30", zone = "Europe/Berlin", daily = new { keep = 3 },
                    notification = new { onFailure = true, webhooks = new[] { IdOf(webhook) } },
                },
            });
            var plan = await up.PostAsync("plans", new
            {
                server = new { region = server.Split('/')[0], id = server.Split('/')[1] },
                policy = IdOf(policy),
                location = first,
                note = "the shop",
            });
            await up.PostAsync("restore-schedules", new
            {
                name = "try-it",
                server = new { region = server.Split('/')[0], id = server.Split('/')[1] },
                target = "newServer",
                newName = "tried",
                calendar = new { launchTime = "03:00", zone = "Etc/UTC", monthly = new { on = new { day = 1 } } },
            });
            await BackUpAsync(up, server);
            await WriteDiskAsync(2);
            using var change = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/plans/{IdOf(plan)}") { Content = JsonContent.Create(
                new { location = second }) };
            change.Headers.TryAddWithoutValidation("If-Match", "*");
            (await up.Http.SendAsync(change)).EnsureSuccessStatusCode();
            await BackUpAsync(up, server);
            Project = (await up.GetAsync("projects")).GetProperty("items")[0].GetProperty("id").GetString()!;
            await File.WriteAllTextAsync(RecoveryKey, (await up.PostAsync("key/recovery", new { })).GetProperty("recoveryKey").GetString());
            foreach (var location in (string[])["first", "second"]) await IsSavedAsync(location);
            up.Process.Kill();
        }
        File.Copy(At("data/master.key"), MasterKey);
        Directory.Delete(At("data"), recursive: true);
    }

    Task WriteDiskAsync(int seed)
    {
        var content = new byte[DiskBytes];
        new Random(seed).NextBytes(content);
        return File.WriteAllBytesAsync(At("cloud/volumes/web-boot.raw"), content);
    }

    async Task<string> LocationAsync(UpProcess up, string name)
    {
        var made = await up.PostAsync("locations", _bucket is null
            ? new { name, region = "local", kind = "filesystem", address = AddressOf(name), softDeleteDays = 5 }
            : new
            {
                name, region = "local", kind = "vStorage", address = AddressOf(name), softDeleteDays = 5, endpoint = S3Bucket.Endpoint,
                s3Region = "us-east-1", accessKey = S3Bucket.AccessKey, secretKey = S3Bucket.SecretKey,
            });
        for (var look = 0; look < LooksMax; look++)
        {
            if ((await up.GetAsync($"locations/{IdOf(made)}")).GetProperty("state").GetString() == "ready") return IdOf(made);
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException($"the location {name} is not ready");
    }

    // Nobody waits a day for a test: for the system, the day is over at once.
    async Task LockAsync(UpProcess up, string location)
    {
        using var change = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/locations/{location}/lock")
        { Content = JsonContent.Create(new { minDays = 1, changeDays = 1 }) };
        change.Headers.TryAddWithoutValidation("If-Match", "*");
        (await up.Http.SendAsync(change)).EnsureSuccessStatusCode();
        await using (var database = new SqliteConnection($"Data Source={At("data/backup.db")};Pooling=False;Default Timeout=30"))
        {
            await database.OpenAsync();
            await using var past = database.CreateCommand();
            past.CommandText = "UPDATE locations SET LockFinalAt = '2026-01-01 00:00:00' WHERE LockFinalAt IS NOT NULL";
            Assert.NotEqual(0, await past.ExecuteNonQueryAsync());
        }
        for (var look = 0; look < LooksMax; look++)
        {
            if ((await up.GetAsync($"locations/{location}")).GetProperty("lock").GetProperty("isEnforcedByStore").GetBoolean()) return;
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException("the lock does not become final");
    }

    async Task BackUpAsync(UpProcess up, string server)
    {
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"servers/{server}/backups", new { })));
        var points = (await up.GetAsync("points")).GetProperty("items").EnumerateArray().Select(IdOf);
        Points.Add((points.Single(point => Points.TrueForAll(known => known.Id != point)), await File.ReadAllBytesAsync(
            At("cloud/volumes/web-boot.raw"))));
    }

    string AddressOf(string location) => _bucket is null ? At(location) : $"s3://{_bucket.Name}/{location}";

    public string Catalogue(string location) => Path.Combine(At(location), Project, "catalogue");

    public IEnumerable<string> Catalogues(string location) =>
        Directory.EnumerateFiles(Catalogue(location)).Where(file => !Path.GetFileName(file).StartsWith("key", StringComparison.Ordinal));

    async Task IsSavedAsync(string location)
    {
        for (var look = 0; look < LooksMax; look++)
        {
            if (await HasCatalogueAsync(location)) return;
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException($"no catalogue came into {location}");
    }

    async Task<bool> HasCatalogueAsync(string location)
    {
        if (_bucket is null) return Directory.Exists(Catalogue(location)) && Catalogues(location).Any();
        var folder = $"{location}/{Project}/catalogue/";
        foreach (var name in await _bucket.ObjectsAsync())
        {
            if (name.StartsWith(folder, StringComparison.Ordinal) && !name.StartsWith(folder + "key", StringComparison.Ordinal)
                && (!_bucket.IsLocked || await _bucket.HoldsAsync(name))) return true;
        }
        return false;
    }

    public Task<Ended> RecoverAsync(string data, string keyFile, params string[] locations) => CliProcess.RunAsync(
        ["recover", "--data", At(data), "--key-file", keyFile, .. locations.SelectMany(name => (string[])["--location", AddressOf(name)]),
            "--json"], _bucket is null ? null : S3Variables());

    // Each location has its own, and nothing is left to what they share.
    static Dictionary<string, string?> S3Variables()
    {
        (string Name, string Value)[] needed = [("AWS_ENDPOINT_URL_S3", S3Bucket.Endpoint), ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", S3Bucket.AccessKey), ("AWS_SECRET_ACCESS_KEY", S3Bucket.SecretKey)];
        return needed.SelectMany(one => (KeyValuePair<string, string?>[])
            [new(one.Name, null), new(one.Name + "_1", one.Value), new(one.Name + "_2", one.Value)]).ToDictionary();
    }

    public static string IdOf(JsonElement thing) => thing.GetProperty("id").GetString()!;

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
