using System.Globalization;
using System.Text.Json;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>The Ceph user that docs/deployment.md tells to make: all that vBackup does goes in its pool, and nothing in another.</summary>
public sealed class ConfinedUserTests(CephLab lab) : IAsyncLifetime
{
    const int LengthBytes = 8 << 20;
    readonly string other = lab.NewName("other"), user = lab.NewName("confined");
    string keyring = "";

    VolumeId Foreign => new($"{other}/image");

    CephSettings Settings => CephLab.Settings with { User = user, KeyringFile = keyring };

    public async ValueTask InitializeAsync()
    {
        if (string.IsNullOrEmpty(CephLab.Settings.ConfigurationFile)) return;
        await CephLab.CephAsync("osd", "pool", "create", other, "1");
        await CephLab.RbdAsync("pool", "init", other);
        await CephLab.RbdAsync("create", Foreign.Value, "--size", LengthBytes.ToString(CultureInfo.InvariantCulture) + "B");
        await CephLab.RbdAsync("snap", "create", $"{Foreign}@there");
        keyring = Path.GetTempFileName();
        await CephLab.CephAsync(["auth", "get-or-create", $"client.{user}", .. Documented(), "-o", keyring]);
    }

    /// <summary>The capabilities as they stand in the guide's command, for the lab's pool.</summary>
    static string[] Documented()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "vBackup.slnx"))) at = at.Parent!;
        var guide = File.ReadAllText(Path.Combine(at.FullName, "docs", "deployment.md"));
        var start = guide.IndexOf("ceph auth get-or-create client.backup", StringComparison.Ordinal);
        // mon 'profile rbd' osd 'profile rbd pool=volumes' … up to the line's end, which may be in the middle of the command.
        var words = guide[start..guide.IndexOf("-o ", start, StringComparison.Ordinal)].Replace("\\", "", StringComparison.Ordinal)
            .Split('\'');
        List<string> capabilities = [];
        for (var i = 0; i + 1 < words.Length; i += 2)
        {
            capabilities.Add(words[i].Trim().Split(' ')[^1]);
            capabilities.Add(words[i + 1].Replace("volumes", CephLab.Pool, StringComparison.Ordinal));
        }
        Assert.Equal(["mon", "osd", "mgr"], capabilities.Where((_, i) => i % 2 == 0));
        return [.. capabilities];
    }

    /// <summary>So every test that backs up a server and restores it does it with these and no more.</summary>
    [Fact]
    public async Task The_labs_own_user_may_do_what_the_guide_says_and_nothing_else()
    {
        CephLab.Skip();
        using var answer = JsonDocument.Parse(await CephLab.CephAsync("auth", "get", $"client.{CephLab.Settings.User}", "--format",
            "json"));
        Assert.Equal(Documented().Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]),
            answer.RootElement[0].GetProperty("caps").EnumerateObject().ToDictionary(cap => cap.Name, cap => cap.Value.GetString()!));
    }

    [Fact]
    public async Task Another_pool_is_refused_whatever_is_tried()
    {
        CephLab.Skip();
        await using var storage = new CephStorage(Settings);
        var before = await CephLab.RbdAsync("snap", "ls", Foreign.Value);
        await RefusedAsync(() => storage.FindLengthAsync(Foreign, default));
        await RefusedAsync(() => storage.OpenReaderAsync(Foreign, default));
        await RefusedAsync(() => storage.OpenWriterAsync(Foreign, new(), default));
        await RefusedAsync(() => storage.RequireWritableAsync(Foreign, default));
        await RefusedAsync(() => storage.OpenWriterAsync(Foreign, new() { TakesOver = true }, default));
        await RefusedAsync(() => storage.CreateAsync(new($"{other}/new"), LengthBytes, default));
        await RefusedAsync(() => storage.ResizeAsync(Foreign, 2 * LengthBytes, default));
        await RefusedAsync(() => storage.RemoveAsync(Foreign, default));
        await RefusedAsync(() => storage.Snapshots.TakeAsync("instant", [Foreign], default));
        await RefusedAsync(() => storage.Snapshots.ListAsync([Foreign], default));
        await RefusedAsync(() => storage.Snapshots.OpenAsync("there", Foreign, default));
        Assert.Equal("image", (await CephLab.RbdAsync("ls", other)).Trim());
        Assert.Equal(before, await CephLab.RbdAsync("snap", "ls", Foreign.Value));
    }

    [Fact]
    public async Task A_pool_that_the_configuration_names_and_the_user_may_not_read_is_told_with_the_user()
    {
        CephLab.Skip();
        await using (var storage = new CephStorage(Settings with { Pools = [CephLab.Pool] })) await storage.RequireReachableAsync(default);
        await using var wrong = new CephStorage(Settings with { Pools = [CephLab.Pool, other] });
        var failure = await Reading.FailsAsync(CloudFailure.NotAllowed, () => wrong.RequireReachableAsync(default));
        Assert.Contains($"pool {other}", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"client.{user}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_may_only_read_hears_so_before_anything_is_written()
    {
        CephLab.Skip();
        var reader = lab.NewName("reader");
        var file = Path.GetTempFileName();
        await CephLab.CephAsync("auth", "get-or-create", $"client.{reader}", "mon", "profile rbd-read-only",
            "osd", $"profile rbd-read-only pool={CephLab.Pool}", "-o", file);
        var volume = await lab.NewVolumeAsync(LengthBytes);
        await using (var storage = new CephStorage(CephLab.Settings with { User = reader, KeyringFile = file }))
        {
            Assert.Equal(LengthBytes, await storage.FindLengthAsync(volume, default));
            await RefusedAsync(() => storage.RequireWritableAsync(volume, default));
        }
        await lab.Storage.RequireWritableAsync(volume, default);
        await CephLab.CephAsync("auth", "rm", $"client.{reader}");
        File.Delete(file);
    }

    [Theory]
    [InlineData("profile rbd-read-only", false)]
    [InlineData("allow rw", true)]
    [InlineData("allow rw", true, "object_prefix rbd_data.")]
    public async Task Data_in_a_pool_of_their_own_are_tried_too(string capability, bool mayWrite, string only = "")
    {
        CephLab.Skip();
        string writer = lab.NewName("writer"), image = $"{CephLab.Pool}/{lab.NewName("test")}", file = Path.GetTempFileName();
        await CephLab.CephAsync("auth", "get-or-create", $"client.{writer}", "mon", "profile rbd",
            "osd", $"profile rbd pool={CephLab.Pool}, {capability} pool={other} {only}".Trim(), "-o", file);
        await CephLab.RbdAsync("create", image, "--size", "8M", "--data-pool", other);
        await using (var storage = new CephStorage(CephLab.Settings with { User = writer, KeyringFile = file }))
        {
            if (mayWrite)
            {
                await storage.RequireWritableAsync(new(image), default);
            }
            else
            {
                var failure = await Reading.FailsAsync(CloudFailure.NotAllowed, () => storage.RequireWritableAsync(new(image), default));
                Assert.Contains($"data in the pool {other}", failure.Message, StringComparison.Ordinal);
            }
        }
        // Trying leaves nothing: the foreign image of this pool has its own, as before.
        Assert.DoesNotContain("vbackup", await CommandLine.RunAsync("rados", "-c", CephLab.Settings.ConfigurationFile, "-p", other, "ls"),
            StringComparison.Ordinal);
        await CephLab.RbdAsync("rm", image);
        await CephLab.CephAsync("auth", "rm", $"client.{writer}");
        File.Delete(file);
    }

    /// <summary>A safety snapshot keeps what is overwritten where the data are, and a new image is written there.</summary>
    [Fact]
    public async Task There_is_as_much_room_for_a_volume_as_in_the_pool_of_its_data()
    {
        CephLab.Skip();
        const long quota = 4 << 20;
        string data = lab.NewName("data"), images = lab.NewName("images"), maker = lab.NewName("maker"), file = Path.GetTempFileName();
        foreach (var pool in (string[])[data, images])
        {
            await CephLab.CephAsync("osd", "pool", "create", pool, "1");
            await CephLab.RbdAsync("pool", "init", pool);
        }
        await CephLab.CephAsync("osd", "pool", "set-quota", data, "max_bytes", quota.ToString(CultureInfo.InvariantCulture));
        await CephLab.CephAsync("auth", "get-or-create", $"client.{maker}", "mon", "profile rbd",
            "osd", $"profile rbd pool={data}, profile rbd pool={images}", "-o", file);
        await CephLab.RbdAsync("create", $"{images}/apart", "--size", "8M", "--data-pool", data);
        await using (var storage = new CephStorage(CephLab.Settings with { User = maker, KeyringFile = file }))
        {
            await HasRoomAsync(storage, "apart", data, 1, quota);
            await HasRoomAsync(storage, "new", images, quota + 1, long.MaxValue);
            // Where the pool says so, a new image goes apart by itself.
            await CephLab.RbdAsync("config", "pool", "set", images, "rbd_default_data_pool", data);
            await HasRoomAsync(storage, "new", data, 1, quota);
            await storage.CreateAsync(new($"{images}/new"), LengthBytes, default);
            await HasRoomAsync(storage, "new", data, 1, quota);
        }
        await CephLab.CephAsync("auth", "rm", $"client.{maker}");
        foreach (var pool in (string[])[images, data])
            await CephLab.CephAsync("osd", "pool", "delete", pool, pool, "--yes-i-really-really-mean-it");
        File.Delete(file);

        async Task HasRoomAsync(CephStorage storage, string image, string pool, long leastBytes, long mostBytes)
        {
            var room = (await storage.FindRoomAsync(new($"{images}/{image}"), default))!.Value;
            Assert.Equal($"pool {pool}", room.Place);
            Assert.InRange(room.FreeBytes, leastBytes, mostBytes);
        }
    }

    [Fact]
    public async Task Its_own_pool_suffices_for_snapshots_of_several_volumes_for_taking_over_and_for_restores()
    {
        CephLab.Skip();
        await using var storage = new CephStorage(Settings);
        VolumeId[] volumes = [new($"{CephLab.Pool}/{lab.NewName("test")}"), new($"{CephLab.Pool}/{lab.NewName("test")}")];
        var content = new Random(1).RandomBytes(LengthBytes);
        foreach (var volume in volumes)
        {
            await storage.CreateAsync(volume, LengthBytes, default);
            await using var writer = await storage.OpenWriterAsync(volume, new() { TakesOver = true }, default);
            await writer.WriteAsync(0, content, default);
        }
        await storage.Snapshots.TakeAsync("first", volumes, default);
        // Whoever is in the way is shut out, which needs a monitor's permission.
        var behind = await storage.OpenWriterAsync(volumes[0], new(), default);
        await using (var writer = await storage.OpenWriterAsync(volumes[0], new() { TakesOver = true }, default))
            await writer.WriteAsync(5, new byte[] { 1, 2, 3 }, default);
        await Reading.FailsAsync(CloudFailure.InUse, () => behind.WriteAsync(0, new byte[] { 9 }, default).AsTask());
        await behind.DisposeAsync();
        await storage.Snapshots.TakeAsync("second", volumes, default);
        Assert.IsType<ChangeAnswer.Known>(await storage.Snapshots.FindChangesAsync(volumes[0], "first", "second", default));
        Assert.True((await storage.FindRoomAsync(volumes[0], default))!.Value.FreeBytes > 0);
        await storage.Snapshots.RollBackAsync("first", volumes, default);
        Assert.Equal(content, await storage.AllAsync(volumes[0]));
        foreach (var name in (string[])["first", "second"]) await storage.Snapshots.RemoveAsync(name, volumes, default);
        foreach (var volume in volumes) await storage.RemoveAsync(volume, default);
    }

    static async Task RefusedAsync(Func<Task> action)
    {
        var failure = await Reading.FailsAsync(CloudFailure.NotAllowed, action);
        Assert.Contains("the Ceph user may not do that", failure.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (keyring.Length == 0) return;
        File.Delete(keyring);
        await CephLab.CephAsync("auth", "rm", $"client.{user}");
        await CephLab.CephAsync("osd", "pool", "rm", other, other, "--yes-i-really-really-mean-it");
    }
}
