using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>What a project needs beside backups and restores, by the command line at a real Portal: who is told, its key, free volumes,
/// surveys.</summary>
public sealed class UpkeepStoryTests : IAsyncLifetime
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-upkeep-").FullName;
    readonly RemoteUser _user;
    UpProcess? _up;

    public UpkeepStoryTests() => _user = new(_folder);

    public async ValueTask InitializeAsync()
    {
        _up = await UpProcess.StartAsync(Path.Combine(_folder, "data"));
        await _user.SignInAsync(_up);
    }

    [Fact]
    public async Task A_policy_tells_people_and_webhooks()
    {
        var made = (await _user.RunAsync("webhook", "create", "chat", "https://chat.example.org/hook")).Expect(0);
        var secret = Assert.Single(made.Output);
        Assert.StartsWith("vbwh_", secret, StringComparison.Ordinal);
        var listed = await _user.TextAsync("webhook", "list");
        Assert.Matches("(?m)  chat +https://chat.example.org/hook +yes  ", listed);
        Assert.DoesNotContain(secret, listed, StringComparison.Ordinal);

        var text = await _user.TextAsync("policy", "create", "loud", "--daily", "02:00", "--keep-daily", "7", "--notify", "ops@example.org",
            "--notify", "chat", "--notify-on", "both");
        Assert.EndsWith("\ntells   ops@example.org, webhook chat of success and failure", text, StringComparison.Ordinal);
        Assert.Equal(text, await _user.TextAsync("policy", "show", "loud"));
        var rule = (await _user.JsonAsync("policy", "create", "quiet", "--daily", "02:00", "--keep-daily", "7", "--notify",
            "ops@example.org"))
            .GetProperty("rules").GetProperty("notification");
        Assert.Equal((false, true), (rule.GetProperty("onSuccess").GetBoolean(), rule.GetProperty("onFailure").GetBoolean()));
        Assert.Contains("there is no webhook 'nobody'",
            await _user.RefusalAsync(1, "policy", "create", "x", "--daily", "02:00", "--keep-daily", "1", "--notify", "nobody"),
            StringComparison.Ordinal);
        Assert.Contains("rules.notification.recipients: it has '@', which is no e-mail address",
            await _user.RefusalAsync(1, "policy", "create", "x", "--daily", "02:00", "--keep-daily", "1", "--notify", "@"),
                StringComparison.Ordinal);

        Assert.Contains("loud tell it", await _user.RefusalAsync(1, "webhook", "delete", "chat"), StringComparison.Ordinal);
        Assert.NotEqual(secret, (await _user.JsonAsync("webhook", "new-secret", "chat")).GetProperty("secret").GetString());
        Assert.StartsWith("a test is being sent to webhook 'chat'", await _user.TextAsync("webhook", "test", "chat"),
            StringComparison.Ordinal);
        await _user.TextAsync("policy", "delete", "loud");
        Assert.Equal("deleted webhook 'chat'", await _user.TextAsync("webhook", "delete", "chat"));
    }

    [Fact]
    public async Task The_projects_key_is_shown_handed_out_replaced_and_erased_by_who_names_the_project()
    {
        await UntilReadyAsync();
        Assert.Contains("state       ready", await _user.TextAsync("project-key", "show"), StringComparison.Ordinal);
        var first = Assert.Single((await _user.RunAsync("project-key", "recovery")).Expect(0).Output);
        Assert.StartsWith("key 2 is made", await _user.TextAsync("project-key", "rotate"), StringComparison.Ordinal);
        await Looking.UntilAsync(() => _user.JsonAsync("project-key", "show"), key => key.GetProperty("vaults").GetArrayLength() == 0);
        Assert.NotEqual(first, (await _user.JsonAsync("project-key", "recovery")).GetProperty("recoveryKey").GetString());

        Assert.Contains("give --yes-erase default", await _user.RefusalAsync(2, "project-key", "erase"), StringComparison.Ordinal);
        Assert.Contains("nothing was erased", await _user.RefusalAsync(1, "project-key", "erase", "--yes-erase", "another"),
            StringComparison.Ordinal);
        Assert.Equal("ready", (await _user.JsonAsync("project-key", "show")).GetProperty("state").GetString());
        Assert.StartsWith("key 2 of project default is erased; ", await _user.TextAsync("project-key", "erase", "--yes-erase", "default"),
            StringComparison.Ordinal);
        Assert.Equal("erased", (await _user.JsonAsync("project-key", "show")).GetProperty("state").GetString());
    }

    [Fact]
    public async Task At_a_terminal_the_key_is_erased_by_who_types_the_projects_name_and_nothing_else()
    {
        AtTerminal.Need();
        await UntilReadyAsync();
        foreach (var wrong in (string[])["", "y", "Default", "another"])
        {
            var kept = (await AtTerminal.RunAsync(_user, wrong, "project-key", "erase")).Expect(1);
            Assert.Contains(kept.Output, line => line.Contains("type the project's name to do it: ", StringComparison.Ordinal));
            Assert.Contains($"the project is called default, and not '{wrong}': nothing was erased", kept.Output[^1],
                StringComparison.Ordinal);
        }
        Assert.Equal("ready", (await _user.JsonAsync("project-key", "show")).GetProperty("state").GetString());

        var erased = (await AtTerminal.RunAsync(_user, "default", "project-key", "erase")).Expect(0);
        Assert.Contains("key 1 of project default is erased; ", erased.Output[^1], StringComparison.Ordinal);
        Assert.Equal("erased", (await _user.JsonAsync("project-key", "show")).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_programs_token_neither_takes_the_key_nor_erases_it()
    {
        await UntilReadyAsync();
        var token = Assert.Single((await _user.RunAsync("token", "create", "script")).Expect(0).Output);
        var script = new RemoteUser(Path.Combine(_folder, "script"));
        script.Set("VBACKUP_URL", RemoteUser.UrlOf(_up!));
        script.Set("VBACKUP_TOKEN", token);
        Assert.Contains("a token for a program is not enough", await script.RefusalAsync(1, "project-key", "recovery"),
            StringComparison.Ordinal);
        Assert.Contains("a token for a program is not enough",
            await script.RefusalAsync(1, "project-key", "erase", "--yes-erase", "default"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volumes_are_given_free_when_nobody_needs_their_snapshots()
    {
        await UntilReadyAsync();
        var before = await _user.TextAsync("server", "volumes", "web-1");
        Assert.Matches("(?m)^vda +web-1-boot +[0-9.]+ MiB +[0-9.]+ [KM]iB +yes", before);
        await _user.TextAsync("backup-now", "web-1", "--wait");
        await Looking.UntilAsync(() => _user.TextAsync("server", "volumes", "web-1"), text =>
            text.Contains(" no ", StringComparison.Ordinal));
        Assert.Equal("snapshot 'by-hand' of local/web-1 is ready",
            await _user.TextAsync("snapshot", "create", "web-1", "--name", "by-hand", "--wait"));
        Assert.Contains("by-hand", await _user.RefusalAsync(1, "server", "free", "web-1"), StringComparison.Ordinal);
        Assert.Contains("the next backup is full", await _user.TextAsync("server", "free", "web-1", "--remove-snapshots"),
            StringComparison.Ordinal);
        await Looking.UntilAsync(async () => (await _user.RunAsync("server", "volumes", "web-1", "--json")).Expect(0).Events.ToList(),
            volumes => volumes.TrueForAll(volume => volume.GetProperty("isFree").GetBoolean()));
        Assert.Equal("no snapshot keeps vda of local/web-1: they are free",
            await _user.TextAsync("server", "free", "web-1", "--volume", "vda"));
    }

    [Fact]
    public async Task A_server_is_given_to_a_project_by_name_and_back_by_its_id()
    {
        await UntilReadyAsync();
        Assert.Contains("there is no project 'second'", await _user.RefusalAsync(1, "server", "give", "web-1", "--to", "second"),
            StringComparison.Ordinal);
        var session = await _up!.PostAsync("sessions", new { user = "admin", password = RemoteUser.Chosen });
        _up.Http.DefaultRequestHeaders.Authorization = new("Bearer", session.GetProperty("token").GetString());
        await _up.PostAsync("projects", new { name = "second" });
        var id = (await _user.JsonAsync("server", "give", "web-1", "--to", "second")).GetProperty("id").GetString();
        Assert.Contains("there is no server 'web-1'", await _user.RefusalAsync(1, "plan", "create", "web-1"), StringComparison.Ordinal);
        // It is not his project's any more, so it has no name there.
        Assert.StartsWith("local/web-1 is a server of project 'default' now",
            await _user.TextAsync("server", "give", $"local/{id}", "--to", "default"), StringComparison.Ordinal);
        await _user.TextAsync("plan", "create", "web-1");
        Assert.Contains("the server has a plan", await _user.RefusalAsync(1, "server", "give", "web-1", "--to", "second"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_a_roll_back_hears_whether_it_was_made()
    {
        await UntilReadyAsync();
        var boot = Path.Combine(_folder, "data", "cloud", "volumes", "web-1-boot.raw");
        var before = await File.ReadAllBytesAsync(boot);
        var taken = await _user.JsonAsync("snapshot", "create", "web-1", "--name", "before-update", "--wait");
        Assert.Equal(("completed", "ready"), (taken.GetProperty("event").GetString(), taken.GetProperty("state").GetString()));
        await File.WriteAllBytesAsync(boot, new byte[before.Length]);
        Assert.Equal("local/web-1 is what it was at snapshot 'before-update'",
            await _user.TextAsync("snapshot", "rollback", "before-update", "--wait"));
        Assert.Equal(before, await File.ReadAllBytesAsync(boot));
        // What is in the way now is told, and what was done before does not pass for it.
        var server = Path.Combine(_folder, "data", "cloud", "servers", "web-1.json");
        var declared = await File.ReadAllTextAsync(server);
        await File.WriteAllTextAsync(server, declared.Replace("\"shutdown\"", "\"paused\"", StringComparison.Ordinal));
        Assert.Contains("local/web-1 was not made what it was at snapshot 'before-update': ",
            await _user.RefusalAsync(1, "snapshot", "rollback", "before-update", "--wait"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_storage_is_looked_through_for_what_nobody_knows_of()
    {
        await UntilReadyAsync();
        Assert.Equal("there are no snapshots that nobody knows of", await _user.TextAsync("snapshot", "orphans"));
        Assert.StartsWith("the storage of region local is being looked through", await _user.TextAsync("snapshot", "survey", "local"),
            StringComparison.Ordinal);
        Assert.Contains("region: the project has no servers there", await _user.RefusalAsync(1, "snapshot", "survey", "elsewhere"),
            StringComparison.Ordinal);
    }

    async Task UntilReadyAsync()
    {
        await Looking.UntilAsync(() => _user.TextAsync("server", "list"), text => text.Contains("local/web-1", StringComparison.Ordinal));
        await Looking.UntilAsync(() => _user.TextAsync("location", "list"), text => text.Contains("ready", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        if (_up is not null) await _up.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
