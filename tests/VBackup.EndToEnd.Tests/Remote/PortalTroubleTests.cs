using Microsoft.AspNetCore.Http;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>The command line before a Portal with troubles: connections that break, other people's changes, long lists, wrong
/// answers.</summary>
public sealed class PortalTroubleTests : IDisposable
{
    const string Run = "0198c2f4-7a31-7000-8000-000000000001";
    const string Plan = "0198c2f4-7a31-7000-8000-000000000002";

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-remote-").FullName;
    readonly RemoteUser _user;

    public PortalTroubleTests() => _user = new(_folder);

    [Fact]
    public async Task A_creation_whose_answer_is_lost_is_asked_for_again_under_the_same_key()
    {
        await using var portal = await StartAsync(async (http, heard, before) =>
        {
            if (heard.Method == "GET") await FakePortal.JsonAsync(http, Page(Server("local", "web-1", "1")));
            else if (before == 0) http.Abort();
            else await FakePortal.JsonAsync(http, new { run = Run });
        });
        Assert.Equal(Run, (await _user.JsonAsync("backup-now", "web-1")).GetProperty("run").GetString());
        var posts = portal.Requests.Where(one => one.Method == "POST").ToList();
        Assert.Equal(2, posts.Count);
        Assert.All(posts, post => Assert.Equal("/api/v1/servers/local/1/backups", post.Target));
        Assert.Matches("^[0-9a-f]{32}$", posts[0].Key);
        Assert.Equal(posts[0], posts[1]);
    }

    [Theory]
    [InlineData("--endpoint", "https://user:hunter2@s3.example.org")]
    [InlineData("--endpoint", "https://s3.example.org/?hunter2")]
    [InlineData("--s3-region", "hunter2 or so")]
    public async Task What_may_be_a_password_in_a_wrong_place_is_neither_sent_nor_shown(string option, string value)
    {
        await using var portal = await StartAsync((http, _, _) => FakePortal.JsonAsync(http, new { }));
        var line = await _user.RefusalAsync(2, "location", "create", "bucket", "--region", "local", "--kind", "vStorage", "--address",
            "s3://bucket/prefix", option, value);
        Assert.Contains(option, line, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", line, StringComparison.Ordinal);
        Assert.Empty(portal.Requests);
    }

    [Fact]
    public async Task A_pause_that_the_Portal_asks_for_is_made()
    {
        await using var portal = await StartAsync((http, _, before) =>
        {
            if (before > 0) return FakePortal.JsonAsync(http, Page());
            http.Response.Headers.RetryAfter = "1";
            return FakePortal.ProblemAsync(http, 429, "too-many-requests", "Too many.");
        });
        await _user.TextAsync("server", "list");
        Assert.Equal(2, portal.Requests.Count);
    }

    [Fact]
    public async Task A_list_is_read_to_its_last_page()
    {
        await using var portal = await StartAsync((http, heard, _) => FakePortal.JsonAsync(http,
            heard.Target.Contains("cursor=a%2Fb", StringComparison.Ordinal) ? Page(Server("eu", "web-2", "2"))
                : new { items = new[] { Server("eu", "web-1", "1") }, next = "a/b" }));
        var lines = (await _user.RunAsync("server", "list")).Expect(0).Output;
        Assert.Equal(["SERVER    STATE    PLAN  VOLUMES      SIZE  SEEN",
            "eu/web-1  running  no          1  1.50 GiB  2026-03-01 05:30:00 +05:30",
            "eu/web-2  running  no          1  1.50 GiB  2026-03-01 05:30:00 +05:30"], lines);
        Assert.All(portal.Requests, one => Assert.Equal("Bearer vb_secret", one.Token));
    }

    [Fact]
    public async Task A_name_that_means_several_servers_lists_them()
    {
        await using var portal = await StartAsync((http, heard, _) => FakePortal.JsonAsync(http,
            heard.Target.Contains("region=us", StringComparison.Ordinal) ? Page(Server("us", "web-1", "7"), Server("us", "web-1", "8"))
                : Page(Server("eu", "web-1", "6"), Server("us", "web-1", "7"), Server("us", "web-1", "8"))));
        Assert.Equal("vbackup: several servers are called 'web-1': eu/web-1, us/7, us/8",
            await _user.RefusalAsync(1, "backup-now", "web-1"));
        Assert.Equal("vbackup: several servers are called 'us/web-1': us/7, us/8", await _user.RefusalAsync(1, "backup-now", "us/web-1"));
        Assert.DoesNotContain(portal.Requests, one => one.Method == "POST");
    }

    [Fact]
    public async Task The_start_of_an_id_that_begins_several_lists_them()
    {
        await using var portal = await StartAsync((http, _, _) =>
            FakePortal.JsonAsync(http, Page(RunOf(Run, "failed"), RunOf(Plan, "succeeded"))));
        Assert.Equal($"vbackup: several runs begin with '0198c2f4-7a31': {Run} (web-1), {Plan} (web-1)",
            await _user.RefusalAsync(1, "run", "show", "0198c2f4-7a31"));
    }

    [Fact]
    public async Task What_somebody_else_changed_meanwhile_is_not_overwritten()
    {
        await using var portal = await StartAsync((http, heard, _) =>
        {
            if (heard.Method == "POST") return FakePortal.ProblemAsync(http, 412, "outdated", "Read it again.");
            if (heard.Target.StartsWith("/api/v1/servers", StringComparison.Ordinal))
                return FakePortal.JsonAsync(http, Page(Server("local", "web-1", "1", Plan)));
            http.Response.Headers.ETag = "\"7\"";
            return FakePortal.JsonAsync(http, PlanOf());
        });
        Assert.Contains("somebody changed it meanwhile", await _user.RefusalAsync(1, "plan", "disable", "web-1"), StringComparison.Ordinal);
        Assert.Equal("\"7\"", Assert.Single(portal.Requests, one => one.Method == "POST").Version);
    }

    [Fact]
    public async Task A_run_whose_events_end_before_it_is_over_is_asked_for()
    {
        var isWatched = false;
        await using var portal = await StartAsync(async (http, heard, _) =>
        {
            if (heard.Target.EndsWith("/events", StringComparison.Ordinal))
            {
                isWatched = true;
                await FakePortal.EventAsync(http, RunOf(Run, "transferring"));
            }
            else await FakePortal.JsonAsync(http, RunOf(Run, isWatched ? "succeeded" : "waiting"));
        });
        var ended = (await _user.RunAsync("run", "watch", Run, "--json")).Expect(0);
        Assert.Equal(["run", "completed"], ended.Events.Select(one => one.GetProperty("event").GetString()));
    }

    [Fact]
    public async Task A_run_is_asked_for_where_events_do_not_come_through()
    {
        var looks = 0;
        await using var portal = await StartAsync((http, heard, _) =>
        {
            if (!heard.Target.EndsWith("/events", StringComparison.Ordinal))
                return FakePortal.JsonAsync(http, RunOf(Run, ++looks > 2 ? "succeeded" : "transferring"));
            http.Abort();
            return Task.CompletedTask;
        });
        var ended = (await _user.RunAsync("run", "watch", Run, "--json")).Expect(0);
        Assert.Equal(["run", "completed"], ended.Events.Select(one => one.GetProperty("event").GetString()));
    }

    [Fact]
    public async Task Events_that_never_come_are_not_asked_for_any_more()
    {
        var looks = 0;
        await using var portal = await StartAsync((http, heard, _) =>
        {
            if (!heard.Target.EndsWith("/events", StringComparison.Ordinal))
                return FakePortal.JsonAsync(http, RunOf(Run, ++looks > 4 ? "succeeded" : "transferring"));
            http.Abort();
            return Task.CompletedTask;
        });
        (await _user.RunAsync("run", "watch", Run)).Expect(0);
        Assert.Equal(2, portal.Requests.Count(one => one.Target.EndsWith("/events", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_token_whose_answer_never_comes_is_named_so_that_it_can_be_revoked()
    {
        await using (var portal = await StartAsync((http, _, _) =>
        {
            http.Abort();
            return Task.CompletedTask;
        }))
        {
            Assert.EndsWith("the token may have been made all the same: 'vbackup token list' shows it then, and "
                + "'vbackup token revoke nightly' revokes it", await _user.RefusalAsync(1, "token", "create", "nightly"),
                    StringComparison.Ordinal);
            Assert.Equal(2, portal.Requests.Count);
        }
        // Nobody is there any more, so nobody has made one.
        Assert.EndsWith("does it run?", await _user.RefusalAsync(1, "token", "create", "nightly"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_fails_fails_whoever_waits_for_it()
    {
        await using var portal = await StartAsync((http, heard, _) => heard.Target.EndsWith("/events", StringComparison.Ordinal)
            ? FakePortal.EventAsync(http, RunOf(Run, "failed", "the store is full"))
                : FakePortal.JsonAsync(http, RunOf(Run, "transferring")));
        Assert.Equal($"vbackup: the backup of local/web-1 failed: the store is full (run {Run})",
            await _user.RefusalAsync(1, "run", "watch", Run));
    }

    [Fact]
    public async Task Who_stops_waiting_is_told_that_the_run_goes_on()
    {
        var isWatched = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var portal = await StartAsync(async (http, heard, _) =>
        {
            if (!heard.Target.EndsWith("/events", StringComparison.Ordinal))
            {
                await FakePortal.JsonAsync(http, RunOf(Run, "transferring"));
                return;
            }
            await FakePortal.EventAsync(http, RunOf(Run, "transferring"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ContinueWith(
                _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        });
        await using var waiting = CliProcess.Start(["run", "watch", Run, "--json"], _user.Variables, onOutput: (_, _) =>
            isWatched.TrySetResult());
        Assert.True(await waiting.ComesBeforeEndAsync(isWatched.Task));
        await waiting.SignalAsync("INT");
        var ended = (await waiting.WaitAsync()).Expect(1);
        Assert.Equal($"vbackup: stopped waiting; the run goes on: 'vbackup run watch {Run}' follows it, 'vbackup run cancel {Run}' ends it",
            Assert.Single(ended.Errors));
    }

    [Fact]
    public async Task Who_is_no_Portal_is_not_taken_for_one()
    {
        await using var portal = await StartAsync((http, heard, _) =>
        {
            if (!heard.Target.StartsWith("/api/v1/servers", StringComparison.Ordinal)) return http.Response.WriteAsync("<html>");
            http.Response.Redirect("http://127.0.0.1:1/steal");
            return Task.CompletedTask;
        });
        Assert.Contains("does not answer as the Portal does (status 302)", await _user.RefusalAsync(1, "server", "list"),
            StringComparison.Ordinal);
        Assert.Contains("does not answer as the Portal does", await _user.RefusalAsync(1, "policy", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_does_not_steer_the_terminal()
    {
        await using var portal = await StartAsync((http, _, _) =>
            FakePortal.JsonAsync(http, Page(Server("eu", "web\u001b[2J\u009b1", "1"))));
        var text = await _user.TextAsync("server", "list");
        Assert.Contains("eu/web\ufffd[2J\ufffd1", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, letter => char.IsControl(letter) && letter != '\n');
    }

    [Fact]
    public async Task A_run_that_no_worker_does_says_so()
    {
        await using var portal = await StartAsync((http, _, _) =>
            FakePortal.JsonAsync(http, RunOf(Run, "transferring", waitsForWorkerSince: "2026-03-01T00:00:00+00:00")));
        Assert.Contains("for a worker of region local, since 2026-03-01 05:30:00 +05:30",
            await _user.TextAsync("run", "show", Run), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("refused", "no room", 5, null, null, "-         refused: no room")]
    [InlineData("checking", null, 0, null, null, "-         being tried")]
    [InlineData("ready", null, 0, null, null, "-         empty")]
    [InlineData("ready", null, 5, null, null, "-         never verified")]
    [InlineData("ready", null, 5, null, "the verification failed: no", "-         the verification failed: no")]
    [InlineData("ready", null, 5, "2026-03-01T00:00:00+00:00", null, "2026-03-01 05:30:00 +05:30  nothing damaged")]
    public async Task What_nobody_has_looked_at_is_not_said_to_be_whole(
        string state, string? refusal, long usedBytes, string? verifiedAt, string? finding, string shown)
    {
        await using var portal = await StartAsync((http, _, _) => FakePortal.JsonAsync(http, Page(new
        {
            id = Plan, name = "main", region = "local", kind = "filesystem", address = "/srv", endpoint = (string?)null, state, refusal,
            isDefault = true, quotaBytes = (long?)null, usedBytes, softDeleteDays = 0, verifiedAt, finding,
        })));
        Assert.EndsWith(shown, await _user.TextAsync("location", "usage"), StringComparison.Ordinal);
    }

    async Task<FakePortal> StartAsync(Func<HttpContext, Heard, int, Task> answer)
    {
        var portal = await FakePortal.StartAsync(answer);
        _user.Set("VBACKUP_URL", portal.Url);
        _user.Set("VBACKUP_TOKEN", "vb_secret");
        return portal;
    }

    static object Page(params object[] items) => new { items, next = (string?)null };

    static object Server(string region, string name, string id, string? plan = null) => new
    {
        region, id, name, state = "running",
            disks = new[] { new { name = "vda", volume = "v", lengthBytes = 3L << 29, allocatedBytes = 1L } },
        plan, isGone = false, seenAt = "2026-03-01T00:00:00+00:00",
    };

    static object PlanOf() => new
    {
        id = Plan, server = new { region = "local", id = "1" }, serverName = "web-1", policy = Plan, location = Plan,
            volumes = (string[]?)null,
        includesLater = false, isEnabled = true, pausedBecause = (string?)null, note = "",
    };

    static object RunOf(string id, string state, string? error = null, string? waitsForWorkerSince = null) => new
    {
        id, kind = "backup", server = new { region = "local", id = "1" }, serverName = "web-1", plan = (string?)null, location = Plan,
            point = Plan,
        trigger = "manual", state, isOver = state is "succeeded" or "failed", startedAt = (string?)null, endedAt = (string?)null,
            doneBytes = 1,
        totalBytes = 2, storedBytes = 1, notes = Array.Empty<string>(), error, target = (string?)null, waitsForWorkerSince,
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
