using System.Net;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>A system whose data folder is gone is built again from its locations and a key: by doing it.</summary>
public sealed class RecoverTests
{
    [Fact]
    public async Task From_two_locations_and_a_recovery_key_all_comes_back_and_goes_on()
    {
        using var lost = await LostSystem.MakeAsync();
        var recovered = (await lost.RecoverAsync("new", lost.RecoveryKey, "first", "second")).Expect(0);
        var project = Assert.Single(recovered.Last.GetProperty("projects").EnumerateArray());
        Assert.Equal("default", project.GetProperty("name").GetString());
        Assert.All((string[])["policies", "plans", "webhooks", "restoreSchedules"], kind =>
            Assert.Equal(1, project.GetProperty(kind).GetInt32()));
        Assert.Equal(["first 1", "second 1"], project.GetProperty("locations").EnumerateArray()
            .Select(one => $"{one.GetProperty("name").GetString()} {one.GetProperty("points").GetInt32()}").Order());
        // The first location of that system lay in the folder that is gone.
        var problems = project.GetProperty("problems").EnumerateArray().Select(problem => problem.GetString()!).ToList();
        Assert.Equal(2, problems.Count);
        Assert.Contains("the location local", problems[0], StringComparison.Ordinal);
        Assert.Contains("the webhook hook came back without its secret", problems[1], StringComparison.Ordinal);

        await using var up = await UpProcess.StartAsync(lost.At("new"), "--cloud", lost.Config);
        await up.SignInAsync(LostSystem.Password);
        var server = await up.FirstServerAsync();
        var points = (await up.GetAsync("points")).GetProperty("items").EnumerateArray().Select(LostSystem.IdOf).ToList();
        Assert.Equal(lost.Points.Select(point => point.Id).Order(), points.Order());
        foreach (var (id, content) in lost.Points) Assert.Equal(content, await RestoreAsync(lost, up, id));

        var plan = (await up.GetAsync("plans")).GetProperty("items")[0];
        Assert.False(plan.GetProperty("isEnabled").GetBoolean());
        Assert.Contains("enable it", plan.GetProperty("pausedBecause").GetString(), StringComparison.Ordinal);
        Assert.Equal("the shop", plan.GetProperty("note").GetString());
        var policy = await up.GetAsync($"policies/{plan.GetProperty("policy").GetString()}");
        Assert.Equal("Europe/Berlin", policy.GetProperty("rules").GetProperty("zone").GetString());
        var webhook = (await up.GetAsync("webhooks")).GetProperty("items")[0];
        Assert.False(webhook.GetProperty("hasSecret").GetBoolean());
        Assert.Equal(LostSystem.IdOf(webhook),
            policy.GetProperty("rules").GetProperty("notification").GetProperty("webhooks")[0].GetString());
        Assert.NotNull((await up.PostAsync($"webhooks/{LostSystem.IdOf(webhook)}/secret", new { })).GetProperty("secret").GetString());
        var schedule = (await up.GetAsync("restore-schedules")).GetProperty("items")[0];
        Assert.Equal(("tried", false), (schedule.GetProperty("newName").GetString(), schedule.GetProperty("isEnabled").GetBoolean()));
        var refused = await up.Http.PostAsync($"/api/v1/servers/{server}/backups", null);
        Assert.Equal(HttpStatusCode.Conflict, refused.StatusCode);
        Assert.Contains("plan-paused", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await up.PostAsync($"plans/{LostSystem.IdOf(plan)}/enable", new { });
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"servers/{server}/backups", new { })));
        Assert.Equal(3, (await up.GetAsync("points")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task From_two_locations_on_S3_all_comes_back_and_goes_on()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync();
        using var lost = await LostSystem.MakeAsync(bucket);
        var before = await bucket.ObjectsAsync();
        var recovered = (await lost.RecoverAsync("new", lost.RecoveryKey, "first", "second")).Expect(0);
        Assert.DoesNotContain(recovered.Output.Concat(recovered.Errors),
            line => line.Contains(S3Bucket.SecretKey, StringComparison.Ordinal));
        Assert.Equal(["first 1", "second 1"], recovered.Last.GetProperty("projects")[0].GetProperty("locations").EnumerateArray()
            .Select(one => $"{one.GetProperty("name").GetString()} {one.GetProperty("points").GetInt32()}").Order());
        // Vaults are read, and not written to.
        Assert.Equal(before.Order(), (await bucket.ObjectsAsync()).Order());

        // What opens the locations was kept for the new system.
        await using var up = await UpProcess.StartAsync(lost.At("new"), "--cloud", lost.Config);
        await up.SignInAsync(LostSystem.Password);
        var server = await up.FirstServerAsync();
        Assert.All((await up.GetAsync("locations")).GetProperty("items").EnumerateArray(),
            location => Assert.Equal("vStorage", location.GetProperty("kind").GetString()));
        foreach (var (id, content) in lost.Points) Assert.Equal(content, await RestoreAsync(lost, up, id));
        var plan = (await up.GetAsync("plans")).GetProperty("items")[0];
        await up.PostAsync($"plans/{LostSystem.IdOf(plan)}/enable", new { });
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"servers/{server}/backups", new { })));
        Assert.Equal(3, (await up.GetAsync("points")).GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task The_master_key_alone_builds_all_again_after_everything_was_destroyed_that_the_store_does_not_hold()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync(isLocked: true);
        using var lost = await LostSystem.MakeAsync(bucket);
        Assert.True(await bucket.DestroyAsync() > 4);
        Assert.Empty(await bucket.ObjectsAsync());
        var recovered = (await lost.RecoverAsync("new", lost.MasterKey, "first", "second")).Last;
        var project = Assert.Single(recovered.GetProperty("projects").EnumerateArray());
        Assert.Equal((1, 1), (project.GetProperty("policies").GetInt32(), project.GetProperty("plans").GetInt32()));
        Assert.Equal(["first 1", "second 1"], project.GetProperty("locations").EnumerateArray()
            .Select(one => $"{one.GetProperty("name").GetString()} {one.GetProperty("points").GetInt32()}").Order());

        await using var up = await UpProcess.StartAsync(lost.At("new"), "--cloud", lost.Config);
        await up.SignInAsync(LostSystem.Password);
        await up.FirstServerAsync();
        foreach (var (id, content) in lost.Points) Assert.Equal(content, await RestoreAsync(lost, up, id));
    }

    [Fact]
    public async Task The_master_key_alone_opens_what_it_kept_and_a_damaged_catalogue_costs_plans_and_no_points()
    {
        using var lost = await LostSystem.MakeAsync();
        foreach (var location in (string[])["first", "second"])
            foreach (var catalogue in lost.Catalogues(location).ToList())
                await File.WriteAllBytesAsync(catalogue, new byte[100]);
        var recovered = (await lost.RecoverAsync("new", lost.MasterKey, "first", "second")).Expect(3);
        var project = Assert.Single(recovered.Last.GetProperty("projects").EnumerateArray());
        Assert.Equal((0, 0), (project.GetProperty("policies").GetInt32(), project.GetProperty("plans").GetInt32()));
        Assert.Contains(project.GetProperty("problems").EnumerateArray(), problem => problem.GetString()!.Contains(
            "make them anew", StringComparison.Ordinal));
        Assert.All(project.GetProperty("locations").EnumerateArray(), location =>
            Assert.Equal(1, location.GetProperty("points").GetInt32()));

        await using var up = await UpProcess.StartAsync(lost.At("new"), "--cloud", lost.Config);
        await up.SignInAsync(LostSystem.Password);
        await up.FirstServerAsync();
        foreach (var (id, content) in lost.Points) Assert.Equal(content, await RestoreAsync(lost, up, id));
    }

    [Fact]
    public async Task A_server_that_the_cloud_has_no_more_is_shown_as_never_seen()
    {
        using var lost = await LostSystem.MakeAsync();
        File.Delete(lost.At("cloud/servers/web.json"));
        (await lost.RecoverAsync("new", lost.RecoveryKey, "first", "second")).Expect(0);
        await using var up = await UpProcess.StartAsync(lost.At("new"), "--cloud", lost.Config);
        var user = new RemoteUser(lost.At("user"));
        await user.SignInAsync(up);
        var told = (await user.RunAsync("server", "list")).Expect(0);
        Assert.Matches("^local/web .* never$", told.Output[1]);
        Assert.Equal(JsonValueKind.Null, (await user.JsonAsync("server", "list")).GetProperty("seenAt").ValueKind);
    }

    [Fact]
    public async Task What_cannot_begin_is_refused_in_one_line_and_what_was_broken_off_begins_again()
    {
        using var lost = await LostSystem.MakeAsync();
        (await CliProcess.RunAsync(["key", "new", lost.At("wrong.key")])).Expect(0);
        var wrong = (await lost.RecoverAsync("new", lost.At("wrong.key"), "first", "second")).Expect(1);
        Assert.Contains("no key that was given opens it", Assert.Single(wrong.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(lost.At("new")));

        Directory.CreateDirectory(lost.At("full"));
        await File.WriteAllTextAsync(lost.At("full/mine.txt"), "mine");
        Assert.Contains("is not empty", Assert.Single((await lost.RecoverAsync("full", lost.RecoveryKey, "first")).Expect(1).Errors),
            StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Directory.EnumerateFiles(lost.At("full")).Select(Path.GetFileName));

        // As a recovery leaves it that was killed.
        Directory.CreateDirectory(lost.At("half"));
        foreach (var file in (string[])["recovering", "master.key", "portal.db", "backup.db", "backup.db-wal"])
            await File.WriteAllTextAsync(lost.At($"half/{file}"), "half");
        var up = (await CliProcess.RunAsync(["up", "--data", lost.At("half"), "--listen", "127.0.0.1:0"])).Expect(1);
        Assert.Contains("run 'vbackup recover' again", Assert.Single(up.Errors), StringComparison.Ordinal);
        var again = (await lost.RecoverAsync("half", lost.RecoveryKey, "first")).Expect(0);
        Assert.Equal(1, again.Last.GetProperty("projects")[0].GetProperty("locations")[0].GetProperty("points").GetInt32());
        Assert.Contains(again.Last.GetProperty("projects")[0].GetProperty("problems").EnumerateArray(),
            problem => problem.GetString()!.StartsWith("the location second", StringComparison.Ordinal));
        await using (var first = await UpProcess.StartAsync(lost.At("half"), "--cloud", lost.Config)) first.Process.Kill();

        await RotateMasterKeyAsync(lost);
    }

    // On what was recovered, because that has secrets under its master key.
    static async Task RotateMasterKeyAsync(LostSystem lost)
    {
        var before = await File.ReadAllBytesAsync(lost.At("half/master.key"));
        // As an attempt leaves it that was killed after it had made the new key.
        await File.WriteAllBytesAsync(lost.At("half/master.key.next"), [.. before.Reverse()]);
        var refused = (await CliProcess.RunAsync(["up", "--data", lost.At("half"), "--listen", "127.0.0.1:0"])).Expect(1);
        Assert.Contains("run 'vbackup key rotate-master' again", Assert.Single(refused.Errors), StringComparison.Ordinal);
        (await CliProcess.RunAsync(["key", "rotate-master", "--data", lost.At("half")])).Expect(0);
        Assert.Equal(before.Reverse(), await File.ReadAllBytesAsync(lost.At("half/master.key")));
        Assert.False(File.Exists(lost.At("half/master.key.next")));
        // As one leaves it that was killed after the databases had changed: the key before opens nothing any more.
        File.Move(lost.At("half/master.key"), lost.At("half/master.key.next"));
        await File.WriteAllBytesAsync(lost.At("half/master.key"), before);
        (await CliProcess.RunAsync(["key", "rotate-master", "--data", lost.At("half")])).Expect(0);
        Assert.Equal(before.Reverse(), await File.ReadAllBytesAsync(lost.At("half/master.key")));
        await using var up = await UpProcess.StartAsync(lost.At("half"), "--cloud", lost.Config);
    }

    static async Task<byte[]> RestoreAsync(LostSystem lost, UpProcess up, string point)
    {
        var name = $"of-{point}";
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"points/{point}/restores", new { target = "newVolume", name,
            volume = "vda" })));
        return await File.ReadAllBytesAsync(lost.At($"cloud/volumes/{name}.raw"));
    }
}
