using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary><c>vbackup up --cloud</c>, as a process: a guest on Ceph is protected over the API alone.</summary>
[Collection(RealEdge.Collection)]
public sealed class UpOnCephTests : IDisposable
{
    const int NoiseMebibytes = 8;
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5), s_lookDelay = TimeSpan.FromMilliseconds(500);
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-up-").FullName;

    [Fact]
    public async Task A_running_guest_is_protected_by_hand_and_by_policy_and_comes_back_to_a_new_server_and_in_place()
    {
        var lab = await EdgeLab.SharedAsync();
        await using var guest = await LabServer.StartAsync(lab);
        await using var world = await EdgeWorld.OfServerAsync(lab, guest.Name, await CliVault.MakeAsync());
        var copy = $"{guest.Name}-copy";
        await using var made = new LabServer(lab, copy, $"rbd/{copy}-vda", $"rbd/{copy}-vdb");
        try
        {
            await using var up = await UpProcess.StartAsync(Path.Combine(_folder, "data"), "--cloud", world.Config);
            await up.SignInAsync(Convert.ToHexString(RandomNumberGenerator.GetBytes(8)));
            var server = await ServerAsync(up, guest.Name);
            await guest.WriteNoiseAsync(NoiseMebibytes);

            await ExpectAsync(up, await up.PostAsync($"servers/{server.Region}/{server.Id}/backups", new { }));
            var point = Assert.Single(await PointsAsync(up));
            Assert.Equal(("active", "full", "filesystem"), (Text(point, "state"), Text(point, "kind"), Text(point, "consistency")));
            await BackedUpByPolicyAsync(up);

            await RestoreAsync(up, point, new { target = "newServer", name = copy });
            await lab.VirshAsync("start", copy);
            Assert.Contains("ORDER-OK", await WritingAsync(lab, copy), StringComparison.Ordinal);

            // What is on the disks when it is off is what a restore in place is to bring back.
            await guest.SwitchOffAsync();
            await ExpectAsync(up, await up.PostAsync($"servers/{server.Region}/{server.Id}/backups", new { }));
            var off = (await PointsAsync(up)).Last(one => Text(one, "trigger") == "manual");
            var before = await guest.DigestsAsync();
            await guest.StartAgainAsync();
            await guest.WriteNoiseAsync(NoiseMebibytes);
            await guest.SwitchOffAsync();
            Assert.NotEqual(before, await guest.DigestsAsync());
            await RestoreAsync(up, off, new { target = "original" });
            Assert.Equal(before, await guest.DigestsAsync());
            await guest.StartAgainAsync();
            Assert.Contains("ORDER-OK", await guest.ConsoleAsync(), StringComparison.Ordinal);
        }
        finally
        {
            foreach (var name in await world.SnapshotNamesAsync()) (await world.ReleaseAsync(name)).Expect(0);
        }
    }

    [Fact]
    public async Task A_guest_is_rolled_back_to_snapshots_that_a_user_took_byte_for_byte()
    {
        var lab = await EdgeLab.SharedAsync();
        await using var guest = await LabServer.StartAsync(lab);
        await using var world = await EdgeWorld.OfServerAsync(lab, guest.Name, await CliVault.MakeAsync());
        try
        {
            await using var up = await UpProcess.StartAsync(Path.Combine(_folder, "data"), "--cloud", world.Config);
            await up.SignInAsync(Convert.ToHexString(RandomNumberGenerator.GetBytes(8)));
            var server = await ServerAsync(up, guest.Name);
            var running = await TakeAsync(up, server, "while-it-runs");
            await guest.SwitchOffAsync();
            var off = await TakeAsync(up, server, "while-it-is-off");
            var before = await guest.DigestsAsync();

            await guest.StartAgainAsync();
            await guest.WriteNoiseAsync(NoiseMebibytes);
            // What runs is not rolled back: nothing under it changes.
            Assert.Contains("runs: stop it first", await RollBackAsync(up, off), StringComparison.Ordinal);
            await guest.SwitchOffAsync();
            Assert.NotEqual(before, await guest.DigestsAsync());
            Assert.Null(await RollBackAsync(up, off));
            Assert.Equal(before, await guest.DigestsAsync());

            // The one before it is there too, and what was frozen then boots.
            Assert.Null(await RollBackAsync(up, running));
            await guest.StartAgainAsync();
            Assert.Contains("ORDER-OK", await guest.ConsoleAsync(), StringComparison.Ordinal);
            await guest.SwitchOffAsync();
            foreach (var snapshot in (await up.GetAsync("snapshots?state=ready")).GetProperty("items").EnumerateArray())
                Assert.True((await up.Http.DeleteAsync($"/api/v1/snapshots/{Text(snapshot, "id")}")).IsSuccessStatusCode);
            await UntilAsync(async () => (await world.SnapshotNamesAsync()).Length > 0 ? null : new object());
        }
        finally
        {
            foreach (var name in await world.SnapshotNamesAsync()) (await world.ReleaseAsync(name)).Expect(0);
        }
    }

    /// <returns>Its id, once it is there.</returns>
    static async Task<string> TakeAsync(UpProcess up, (string Region, string Id) server, string name)
    {
        var asked = await up.PostAsync("snapshots", new { server = new { region = server.Region, id = server.Id }, name });
        var taken = await UntilAsync(async () =>
            await up.GetAsync($"snapshots/{Text(asked, "id")}") is var now && Text(now, "state") != "taking" ? new Found(now) : null);
        Assert.True(Text(taken.Value, "state") == "ready", taken.Value.ToString());
        return Text(asked, "id")!;
    }

    /// <returns>Why nothing was rolled back; null when it was.</returns>
    static async Task<string?> RollBackAsync(UpProcess up, string snapshot)
    {
        var before = await up.GetAsync($"snapshots/{snapshot}");
        await up.PostAsync($"snapshots/{snapshot}/rollback", new { });
        var over = await UntilAsync(async () =>
        {
            var now = await up.GetAsync($"snapshots/{snapshot}");
            var isTold = Text(now, "rolledBackAt") != Text(before, "rolledBackAt")
                || Text(now, "error") is { } error && error != Text(before, "error");
            return isTold && !now.GetProperty("isRollingBack").GetBoolean() ? new Found(now) : null;
        });
        return Text(over.Value, "error");
    }

    static async Task BackedUpByPolicyAsync(UpProcess up)
    {
        // The minute that follows may be over before the plan has the policy.
        var due = TimeProvider.System.GetUtcNow().AddMinutes(2);
        var policy = await up.PostAsync("policies", new
        {
            name = "soon",
            rules = new { launchTime = due.ToString("HH:mm", CultureInfo.InvariantCulture), zone = "Etc/UTC", daily = new { keep = 3 } },
        });
        var plan = (await up.GetAsync("plans")).GetProperty("items")[0];
        using var change = new HttpRequestMessage(HttpMethod.Patch, $"/api/v1/plans/{Text(plan, "id")}")
        { Content = System.Net.Http.Json.JsonContent.Create(new { policy = Text(policy, "id") }) };
        var read = await up.Http.GetAsync($"/api/v1/plans/{Text(plan, "id")}");
        change.Headers.TryAddWithoutValidation("If-Match", read.Headers.ETag!.ToString());
        var changed = await up.Http.SendAsync(change);
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
        var point = await UntilAsync(async () => (await PointsAsync(up))
            .Where(one => Text(one, "trigger") == "policy" && Text(one, "state") is ("active" or "failed")).ToList() is [var found]
                ? new Found(found) : null);
        Assert.Equal(("active", "filesystem"), (Text(point.Value, "state"), Text(point.Value, "consistency")));
    }

    static async Task RestoreAsync(UpProcess up, JsonElement point, object request) =>
        await ExpectAsync(up, await up.PostAsync($"points/{Text(point, "id")}/restores", request));

    static async Task ExpectAsync(UpProcess up, JsonElement started)
    {
        var state = await up.FollowAsync(started);
        Assert.True(state == "succeeded", (await up.GetAsync($"runs/{Text(started, "run")}")).ToString());
    }

    static async Task<(string Region, string Id)> ServerAsync(UpProcess up, string name)
    {
        var server = await UntilAsync(async () => (await up.GetAsync($"servers?name={name}")).GetProperty("items") is var items
            && items.GetArrayLength() > 0
            ? new Found(items[0]) : null);
        return (Text(server.Value, "region")!, Text(server.Value, "id")!);
    }

    /// <summary>Oldest first.</summary>
    static async Task<IReadOnlyList<JsonElement>> PointsAsync(UpProcess up) =>
        [.. (await up.GetAsync("points?sort=dueAt")).GetProperty("items").EnumerateArray()];

    static Task<string> WritingAsync(EdgeLab lab, string server) => UntilAsync(async () =>
        await lab.ConsoleAsync(server) is var console && console.Contains("journal: writing", StringComparison.Ordinal) ? console : null);

    static string? Text(JsonElement element, string member) => element.GetProperty(member).GetString();

    static async Task<T> UntilAsync<T>(Func<Task<T?>> look) where T : class
    {
        var start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < s_patience)
        {
            if (await look() is { } found) return found;
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException("it does not come");
    }

    sealed record Found(JsonElement Value);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
