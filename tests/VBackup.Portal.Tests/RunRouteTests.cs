using System.Net.Http.Headers;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Runs;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class RunRouteTests
{
    const string Path = "/api/v1/runs";

    [Fact]
    public async Task Runs_are_listed_filtered_and_read()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (web, mail) = (await world.ServerAsync("web"), await world.ServerAsync("mail"));
        var now = world.Clock.GetUtcNow();
        var first = await world.RunAsync(web, RunState.Succeeded, startedAt: now.AddHours(-3));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var second = await world.RunAsync(web, kind: RunKind.Restore, startedAt: now.AddHours(-2));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var third = await world.RunAsync(mail, RunState.Failed, startedAt: now.AddHours(-1));
        var session = await world.MemberAsync();
        await IsAsync("", third, second, first);
        await IsAsync("?sort=askedAt", first, second, third);
        await IsAsync($"?server={web.Region}/{web.Id}", second, first);
        await IsAsync("?kind=restore", second);
        await IsAsync("?state=failed", third);
        await IsAsync($"?from={now.AddHours(-2):yyyy-MM-ddTHH:mm:ssZ}", third, second);
        await IsAsync($"?from={now.AddHours(-2):yyyy-MM-ddTHH:mm:ssZ}&to={now.AddHours(-1):yyyy-MM-ddTHH:mm:ssZ}", second);
        var refused = RunRow.Asked(world.Ids.New<RunId>(), RunKind.Backup, world.Project, null, mail, "mail", null, null,
            RunTrigger.Policy, world.Clock.GetUtcNow());
        refused.NeverBegan("the quota has no room", world.Clock.GetUtcNow());
        await world.SaveAsync(refused);
        await IsAsync($"?state=failed&from={now:yyyy-MM-ddTHH:mm:ssZ}", refused.Id);
        await IsAsync($"?state=failed&to={now:yyyy-MM-ddTHH:mm:ssZ}", third);
        foreach (var field in new[] { "kind", "server", "policy", "state", "from", "to" })
            (await world.GetAsync($"{Path}?{field}=nonsense", session)).Is(400, "wrong-input", field);
        var one = (await world.GetAsync($"{Path}/{first}", session)).Is(200);
        Assert.Equal(("succeeded", "True", "10", "100"), (one["state"], one["isOver"], one["doneBytes"], one["totalBytes"]));

        async Task IsAsync(string query, params RunId[] expected) => Assert.Equal(expected.Select(id => id.ToString()),
            (await world.GetAsync(Path + query, session)).Is(200).Items("id"));
    }

    [Fact]
    public async Task Runs_are_filtered_by_the_policy_that_asked_for_them_also_when_the_plan_has_another_now()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var (nightly, second) = (await world.PolicyAsync(), await world.PolicyAsync("second"));
        await world.PlanAsync(server, location, nightly);
        world.Clock.Advance(TimeSpan.FromDays(1));
        var session = await world.MemberAsync();
        await new PlanClockwork(world.Changes).TurnAsync(default);
        var run = Assert.Single(await world.SentAsync(MessageJson.Default.StartBackup)).Run;
        // Whatever the vBackup service says of it afterwards.
        await HearAsync(world, Things.RunNow(world, run, server, RunState.Succeeded, 1, 100) with { Trigger = RunTrigger.Policy });
        await world.Changes.MakeAsync(async change =>
        {
            foreach (var asked in change.Db.AskedRuns) asked.Hears(RunState.Succeeded);
            foreach (var plan in change.Db.Plans) plan.UsesPolicy(second, change.Now);
            await Task.CompletedTask;
        }, default);
        (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/backups", session, new { })).Is(202);
        Assert.Equal(2, (await world.GetAsync(Path, session)).Is(200).Items("id").Count());
        Assert.Equal([run.ToString()], (await world.GetAsync($"{Path}?policy={nightly}", session)).Is(200).Items("id"));
        Assert.Equal([nightly.ToString()], (await world.GetAsync($"{Path}?policy={nightly}", session)).Items("policy"));
        // A user asked for the other one, though its plan has a policy.
        Assert.Empty((await world.GetAsync($"{Path}?policy={second}", session)).Is(200).Items("id"));
    }

    [Fact]
    public async Task A_run_says_since_when_it_waits_for_a_worker()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var (id, session) = (await world.RunAsync(server), await world.MemberAsync());
        Assert.Null((await world.GetAsync($"{Path}/{id}", session)).Is(200)["waitsForWorkerSince"]);
        await world.Changes.MakeAsync(async change => (await change.Db.Runs.FindAsync(id))!.Changes(
            Things.RunNow(world, id, server, RunState.Transferring, 2, 10) with { WaitsForWorkerSince = world.Clock.GetUtcNow() }),
            default);
        Assert.Equal("2026-03-01T12:00:00+00:00", (await world.GetAsync($"{Path}/{id}", session)).Is(200)["waitsForWorkerSince"]);
    }

    [Fact]
    public async Task A_run_is_cancelled_by_whoever_may_start_one_of_its_kind()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var (backup, restore, over) = (await world.RunAsync(server), await world.RunAsync(server, kind: RunKind.Restore),
            await world.RunAsync(server, RunState.Cancelled));
        await world.SaveAsync(new CustomRole(world.Project, "button", [Permission.BackupNow]));
        var session = await world.MemberAsync("button");
        (await world.PostAsync($"{Path}/{backup}/cancel", session, new { })).Is(202);
        Assert.Equal(new CancelRun(backup, world.Project), Assert.Single(await world.SentAsync(MessageJson.Default.CancelRun)));
        Assert.Equal("RestoreServer", (await world.PostAsync($"{Path}/{restore}/cancel", session, new { })).Is(403,
            "permission-needed")["permission"]);
        (await world.PostAsync($"{Path}/{over}/cancel", session, new { })).Is(409, "run-over");
        Assert.Equal(["cancelRun"], await world.AuditAsync());
    }

    [Fact]
    public async Task What_was_skipped_is_listed_with_the_reason()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, now) = (await world.ServerAsync(), world.Clock.GetUtcNow());
        var plan = await world.PlanAsync(server, await world.LocationAsync(), await world.PolicyAsync());
        foreach (var hours in new[] { 2, 1 })
            await world.SaveAsync(AskedRun.Skipped(world.Ids.New<RunId>(), plan,
                new(Instant.FromDateTimeOffset(now.AddHours(-hours)), RuleTags.Daily, SkipReason.RunGoingOn,
                    Instant.FromDateTimeOffset(now)), now));
        await world.SaveAsync(new AskedRun(world.Ids.New<RunId>(), plan, now, RuleTags.Daily, RunTrigger.Policy, PointKind.Full, now));
        var session = await world.MemberAsync();
        var list = (await world.GetAsync("/api/v1/history/skipped", session)).Is(200);
        Assert.Equal([now.AddHours(-1), now.AddHours(-2)], list.Json.GetProperty("items").EnumerateArray().Select(one =>
            one.GetProperty("dueAt").GetDateTimeOffset()));
        Assert.All(list.Items("reason"), reason => Assert.NotEmpty(reason));
        Assert.Single((await world.GetAsync($"/api/v1/history/skipped?from={now.AddHours(-1):yyyy-MM-ddTHH:mm:ssZ}", session)).Items("id"));
        Assert.Empty((await world.GetAsync("/api/v1/history/skipped?server=hn1/another", session)).Items("id"));
        (await world.GetAsync("/api/v1/history/skipped?to=noon", session)).Is(400, "wrong-input", "to");
    }

    [Fact]
    public async Task A_run_is_followed_by_events_until_it_is_over()
    {
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var run = await world.RunAsync(server);
        using var reader = await FollowAsync(world, run);
        Assert.Contains("\"doneBytes\":10,", await EventAsync(reader), StringComparison.Ordinal);
        await HearAsync(world, Things.RunNow(world, run, server, RunState.Transferring, 2, 60));
        world.Clock.Advance(RunEvents.Period);
        Assert.Contains("\"doneBytes\":60,", await EventAsync(reader), StringComparison.Ordinal);
        await HearAsync(world, Things.RunNow(world, run, server, RunState.Succeeded, 3, 100));
        world.Clock.Advance(RunEvents.Period);
        Assert.Contains("\"state\":\"succeeded\"", await EventAsync(reader), StringComparison.Ordinal);
        Assert.Null(await reader.ReadLineAsync());
    }

    [Fact]
    public async Task Whoever_follows_a_run_does_not_hold_up_the_end_of_the_process()
    {
        await using var world = await PortalWorld.MakeAsync();
        var run = await world.RunAsync(await world.ServerAsync());
        using var reader = await FollowAsync(world, run);
        await EventAsync(reader);
        world.Stop();
        Assert.Null(await reader.ReadLineAsync());
    }

    [Fact]
    public async Task A_run_that_does_not_change_is_told_of_now_and_then_and_not_for_ever()
    {
        await using var world = await PortalWorld.MakeAsync();
        var run = await world.RunAsync(await world.ServerAsync());
        using var reader = await FollowAsync(world, run);
        await EventAsync(reader);
        world.Clock.Advance(RunEvents.SilenceMax);
        await EventAsync(reader);
        world.Clock.Advance(RunEvents.DurationMax);
        await EventAsync(reader);
        Assert.Null(await reader.ReadLineAsync());
    }

    [Fact]
    public async Task A_user_follows_so_many_at_once_and_no_more_whatever_token_he_shows()
    {
        const int attemptsMax = 1000;
        await using var world = await PortalWorld.MakeAsync();
        var server = await world.ServerAsync();
        var run = await world.RunAsync(server);
        var user = await world.UserAsync("member", world.Project, BuiltInRoles.FullAccess);
        List<StreamReader> streams = [];
        for (var i = 0; i < RunFollowers.OfUserMax; i++)
        {
            streams.Add(await FollowAsync(world, run, await world.SessionAsync(user, world.Project)));
            await EventAsync(streams[^1]);
        }
        var session = await world.SessionAsync(user, world.Project);
        var refused = (await world.GetAsync($"{Path}/{run}/events", session)).Is(429, "too-many-streams");
        Assert.Equal("10", refused.Headers["Retry-After"]);
        (await world.GetAsync($"{Path}/{run}", session)).Is(200);
        using (var other = await FollowAsync(world, run, await world.MemberAsync(name: "other"))) await EventAsync(other);

        await HearAsync(world, Things.RunNow(world, run, server, RunState.Succeeded, 2, 100));
        world.Clock.Advance(RunEvents.Period);
        foreach (var stream in streams)
        {
            Assert.Contains("succeeded", await stream.ReadToEndAsync(), StringComparison.Ordinal);
            stream.Dispose();
        }
        // The server leaves each soon after it has ended it.
        for (var attempt = 1; (await world.GetAsync($"{Path}/{run}/events", session)).Status != 200; attempt++)
            Assert.True(attempt < attemptsMax, "what has ended is still counted");
    }

    [Fact]
    public async Task A_run_that_nobody_answered_for_a_day_has_failed()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.LocationAsync();
        var server = await world.ServerAsync();
        var user = await world.UserAsync("member", world.Project, BuiltInRoles.FullAccess);
        var started = (await world.PostAsync($"/api/v1/servers/{server.Region}/{server.Id}/backups",
            await world.SessionAsync(user, world.Project), new { })).Is(202);
        world.Clock.Advance(PlanClockwork.AnswerPatience + TimeSpan.FromSeconds(1));
        await new PlanClockwork(world.Changes).TurnAsync(CancellationToken.None);
        var run = (await world.GetAsync(started.Headers["Location"], await world.SessionAsync(user, world.Project))).Is(200);
        Assert.Equal(("failed", "the vBackup service never answered"), (run["state"], run["error"]));
    }

    static async Task HearAsync(PortalWorld world, RunChanged now)
    {
        await using var db = world.Db();
        Assert.True((await db.Runs.FindAsync(now.Run))!.Changes(now));
        await db.SaveChangesAsync();
    }

    static async Task<StreamReader> FollowAsync(PortalWorld world, RunId run, string? session = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path}/{run}/events");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", session ?? await world.MemberAsync());
        var response = await world.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((200, "text/event-stream"), ((int)response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        return new(await response.Content.ReadAsStreamAsync());
    }

    static async Task<string> EventAsync(StreamReader reader)
    {
        Assert.Equal("event: run", await reader.ReadLineAsync());
        var data = await reader.ReadLineAsync();
        Assert.Equal("", await reader.ReadLineAsync());
        return data!;
    }
}
