using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>A server is protected, backed up and brought back by the command line alone, at a real Portal.</summary>
public sealed class ProtectionStoryTests : IAsyncLifetime
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-remote-").FullName;
    readonly RemoteUser _user;
    UpProcess? _up;

    public ProtectionStoryTests() => _user = new(_folder);

    public async ValueTask InitializeAsync()
    {
        _up = await UpProcess.StartAsync(Data);
        await _user.SignInAsync(_up);
        await Looking.UntilAsync(() => _user.TextAsync("server", "list"), text => text.Contains("local/web-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Policies_are_made_shown_and_deleted()
    {
        var text = await _user.TextAsync("policy", "create", "shop", "--daily", "02:00", "--keep-daily", "7", "--hourly", "4",
            "--keep-hourly", "6",
            "--weekly", "mon,fri", "--keep-weekly", "5", "--monthly", "second-tue", "--keep-monthly", "12", "--incrementals", "4",
                "--keep-fulls", "2",
            "--window", "22:00-05:00", "--stop-by", "06:00", "--zone", "Europe/Berlin");
        Assert.Equal(["policy   shop", "of       the project", "time     02:00 Europe/Berlin", "hourly   every 4 h, keeps 6",
            "daily    keeps 7",
            "weekly   monday, friday, keeps 5", "monthly  second tuesday, keeps 12", "fulls    after 4 incrementals, keeps 2",
            "window   begins 22:00 to 05:00, stops by 06:00"], text.Split('\n')
                .Where(line => !line.StartsWith("id ", StringComparison.Ordinal)));
        Assert.Equal(text, await _user.TextAsync("policy", "show", "shop"));
        var rules = (await _user.JsonAsync("policy", "show", "shop")).GetProperty("rules");
        var file = _user.FileWith(rules.GetRawText());
        var made = await _user.JsonAsync("policy", "create", "copy", "--file", file);
        Assert.Equal(rules.GetRawText(), made.GetProperty("rules").GetRawText());
        Assert.Contains("--file or --daily", await _user.RefusalAsync(2, "policy", "create", "both", "--file", file, "--daily", "02:00"),
            StringComparison.Ordinal);
        var listed = (await _user.RunAsync("policy", "list", "--json")).Expect(0).Events.Select(one => one.GetProperty("name").GetString())
            .ToList();
        Assert.Contains("shop", listed);
        Assert.Contains("hourly every 4 h, keeps 6; daily keeps 7", await _user.TextAsync("policy", "list"), StringComparison.Ordinal);
        Assert.Equal("deleted policy 'copy'", await _user.TextAsync("policy", "delete", "copy"));
        Assert.Contains("there is no policy 'copy'", await _user.RefusalAsync(1, "policy", "show", "copy"), StringComparison.Ordinal);
        Assert.Contains("there is a policy shop already", await _user.RefusalAsync(1, "policy", "create", "shop", "--daily", "02:00",
            "--keep-daily", "1"),
            StringComparison.Ordinal);
        Assert.Contains("rules.zone: ", await _user.RefusalAsync(1, "policy", "create", "moon", "--daily", "02:00", "--keep-daily", "1",
            "--zone", "Moon/Sea"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("give the launch time", "--hourly", "4", "--keep-hourly", "6")]
    [InlineData("one launch time", "--daily", "02:00", "--at", "03:00")]
    [InlineData("--keep-weekly goes with --weekly", "--daily", "02:00", "--keep-weekly", "3")]
    [InlineData("--stop-by goes with --window", "--daily", "02:00", "--stop-by", "06:00")]
    [InlineData("give days", "--at", "02:00", "--weekly", "mon,noday")]
    [InlineData("last-day", "--at", "02:00", "--monthly", "fifth-mon")]
    [InlineData("--notify-on goes with --notify", "--daily", "02:00", "--notify-on", "both")]
    [InlineData("there are failure, success and both", "--daily", "02:00", "--notify", "a@b.example", "--notify-on", "fire")]
    public async Task Flags_that_make_no_policy_are_refused_before_anybody_is_asked(string reason, params string[] flags) =>
        Assert.Contains(reason, await _user.RefusalAsync(2, ["policy", "create", "wrong", .. flags]), StringComparison.Ordinal);

    [Fact]
    public async Task A_server_is_protected_backed_up_and_brought_back()
    {
        await _user.JsonAsync("policy", "create", "nightly", "--daily", "02:00", "--keep-daily", "7");
        var store = Path.Combine(Data, "locations", "second");
        Assert.Contains($"address: it lies in none of the folders that Worker:LocationRoots lists: {Path.Combine(Data, "locations")}",
            await _user.RefusalAsync(1, "location", "create", "second", "--region", "local", "--kind", "filesystem", "--address",
                Path.Combine(_folder, "elsewhere")), StringComparison.Ordinal);
        var location = await _user.JsonAsync("location", "create", "second", "--region", "local", "--kind", "filesystem", "--address",
            store,
            "--quota", "1GiB", "--bin-days", "3");
        Assert.Equal(1L << 30, location.GetProperty("quotaBytes").GetInt64());
        await Looking.UntilAsync(() => _user.TextAsync("location", "list"), text =>
            Line(text, "second").Contains("ready", StringComparison.Ordinal));
        Assert.Matches("  no +3 days$", Line(await _user.TextAsync("location", "list"), "second"));

        Assert.Equal("there are no plans", await _user.TextAsync("plan", "list"));
        Assert.Contains("has no plan", await _user.RefusalAsync(1, "plan", "show", "web-1"), StringComparison.Ordinal);
        var plan = await _user.TextAsync("plan", "create", "local/web-1", "--policy", "nightly", "--note", "the shop");
        Assert.StartsWith("local/web-1 is protected by policy 'nightly' at location '", plan, StringComparison.Ordinal);
        Assert.Contains("has a plan", await _user.RefusalAsync(1, "plan", "create", "web-1"), StringComparison.Ordinal);
        await _user.JsonAsync("plan", "set-location", "web-1", "second");
        Assert.Equal("the plan of local/web-1 is disabled", await _user.TextAsync("plan", "disable", "web-1"));
        Assert.Matches("^local/web-1 +nightly +second +all +disabled +the shop$",
            Line(await _user.TextAsync("plan", "list"), "local/web-1"));
        Assert.True((await _user.JsonAsync("plan", "enable", "web-1")).GetProperty("isEnabled").GetBoolean());
        Assert.Contains("state     enabled", await _user.TextAsync("plan", "show", "web-1"), StringComparison.Ordinal);
        Assert.Contains("web-1", await _user.RefusalAsync(1, "policy", "delete", "nightly"), StringComparison.Ordinal);

        var backup = (await _user.RunAsync("backup-now", "web-1", "--wait", "--json")).Expect(0).Last;
        Assert.Equal(("completed", "succeeded"), (backup.GetProperty("event").GetString(), backup.GetProperty("state").GetString()));
        var point = backup.GetProperty("point").GetString()!;
        var run = backup.GetProperty("id").GetString()!;
        Assert.Matches("^[0-9a-f-]{13}  local/web-1  [0-9: -]+ [+]05:30  full  manual  active  40.0 MiB  ",
            Line(await _user.TextAsync("point", "list"), point[..13]));
        var shown = await _user.JsonAsync("point", "show", point[..13]);
        Assert.Equal((point, "group", 0, "lab"), (shown.GetProperty("id").GetString(), shown.GetProperty("instantKind").GetString(),
            shown.GetProperty("skewSeconds").GetDouble(), shown.GetProperty("configuration").GetProperty("kind").GetString()));
        var facts = await _user.TextAsync("point", "show", point);
        foreach (var fact in (string[])["40.0 MiB logical", "all volumes at once", "2 disks; all of it is kept as lab"])
            Assert.Contains(fact, facts, StringComparison.Ordinal);
        Assert.Contains("kept by", await _user.TextAsync("point", "explain", point), StringComparison.Ordinal);
        Assert.NotEqual(0, (await _user.JsonAsync("point", "explain", point)).GetProperty("keeps").GetArrayLength());
        Assert.Contains("succeeded", await _user.TextAsync("run", "show", run), StringComparison.Ordinal);
        Assert.Contains("backed up local/web-1: ", await _user.TextAsync("run", "watch", run), StringComparison.Ordinal);
        Assert.Contains("over stays as it is", await _user.RefusalAsync(1, "run", "cancel", run), StringComparison.Ordinal);
        Assert.Matches("^second +[0-9.]+ MiB +1.00 GiB +[0-9]+ %", Line(await _user.TextAsync("location", "usage", "second"), "second"));
        Assert.True((await _user.JsonAsync("location", "usage", "second")).GetProperty("usedBytes").GetInt64() > 0);
        Assert.EndsWith(" never verified", Line(await _user.TextAsync("location", "usage"), "second "), StringComparison.Ordinal);
        Assert.EndsWith(" empty", Line(await _user.TextAsync("location", "usage"), "local "), StringComparison.Ordinal);

        // It was asked for by hand.
        Assert.Equal("there are no such runs", await _user.TextAsync("run", "list", "--policy", "nightly"));
        Assert.Contains("there is no policy 'never'", await _user.RefusalAsync(1, "run", "list", "--policy", "never"),
            StringComparison.Ordinal);

        await RestoreAsync(point);
        var restores = (await _user.RunAsync("run", "list", "--kind", "restore", "--server", "web-1", "--json")).Expect(0).Events;
        Assert.Equal(["succeeded", "succeeded", "succeeded"], restores.Select(one => one.GetProperty("state").GetString()));

        Assert.Contains("is being deleted", await _user.TextAsync("point", "delete", point), StringComparison.Ordinal);
        await Looking.UntilAsync(() => _user.TextAsync("point", "list", "--server", "web-1"), text =>
            text.Contains("in the bin", StringComparison.Ordinal));
        Assert.Contains("in the bin: bring it back first", await _user.RefusalAsync(1, "restore", point, "--to", "new-server", "--name",
            "x"),
            StringComparison.Ordinal);
        Assert.True((await _user.JsonAsync("point", "undelete", point)).GetProperty("isProtected").GetBoolean());
        await Looking.UntilAsync(() => _user.TextAsync("point", "list", "--state", "active"), text =>
            text.Contains(point[..13], StringComparison.Ordinal));
    }

    async Task RestoreAsync(string point)
    {
        var volumes = Path.Combine(Data, "cloud", "volumes");
        var boot = await File.ReadAllBytesAsync(Path.Combine(volumes, "web-1-boot.raw"));
        Assert.Contains("needs --volume", await _user.RefusalAsync(2, "restore", point, "--to", "new-volume", "--name", "back"),
            StringComparison.Ordinal);
        Assert.Contains("volume: the point has vda, vdb",
            await _user.RefusalAsync(1, "restore", point, "--to", "new-volume", "--name", "back", "--volume", "vdz"),
                StringComparison.Ordinal);
        Assert.StartsWith($"restored point {point[..13]} of local/web-1 to ",
            await _user.TextAsync("restore", point, "--to", "new-volume", "--name", "back", "--volume", "vda", "--wait"),
                StringComparison.Ordinal);
        Assert.Equal(boot, await File.ReadAllBytesAsync(Path.Combine(volumes, "back.raw")));

        await File.WriteAllBytesAsync(Path.Combine(volumes, "web-1-boot.raw"), new byte[boot.Length]);
        var inPlace = await _user.TextAsync("restore", point, "--to", "original", "--stop");
        await _user.TextAsync("run", "watch", inPlace.Split('\'')[1].Split(' ')[^1]);
        Assert.Equal(boot, await File.ReadAllBytesAsync(Path.Combine(volumes, "web-1-boot.raw")));

        await _user.JsonAsync("restore", point, "--to", "new-server", "--name", "web-2", "--wait");
        await Looking.UntilAsync(() => _user.TextAsync("server", "list"), text => text.Contains("local/web-2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_goes_back_to_a_snapshot()
    {
        var boot = Path.Combine(Data, "cloud", "volumes", "web-1-boot.raw");
        var before = await File.ReadAllBytesAsync(boot);
        var made = await _user.TextAsync("snapshot", "create", "web-1", "--name", "before-update", "--kept-days", "2");
        Assert.StartsWith("snapshot 'before-update' of local/web-1 is being taken", made, StringComparison.Ordinal);
        Assert.Contains("already", await _user.RefusalAsync(1, "snapshot", "create", "web-1", "--name", "before-update"),
            StringComparison.Ordinal);
        await Looking.UntilAsync(() => _user.TextAsync("snapshot", "list"), text =>
            Line(text, "before-update").Contains(" ready ", StringComparison.Ordinal));
        await File.WriteAllBytesAsync(boot, new byte[before.Length]);
        Assert.Contains("local/web-1 is being made what it was", await _user.TextAsync("snapshot", "rollback", "before-update"),
            StringComparison.Ordinal);
        await Looking.UntilAsync(() => File.ReadAllBytesAsync(boot), now => now.AsSpan().SequenceEqual(before));
        var deleted = await _user.JsonAsync("snapshot", "delete", "before-update");
        Assert.Equal("before-update", deleted.GetProperty("name").GetString());
        await Looking.UntilAsync(async () =>
            (await _user.RunAsync("snapshot", "list", "--server", "web-1", "--json")).Expect(0).Events.ToList(),
            all => all.Single(one => one.GetProperty("name").GetString() == "before-update").GetProperty("state").GetString() == "removed");
    }

    static string Line(string text, string of) => Assert.Single(text.Split('\n'), line => line.Contains(of, StringComparison.Ordinal));

    string Data => Path.Combine(_folder, "data");

    public async ValueTask DisposeAsync()
    {
        if (_up is not null) await _up.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
