using VBackup.Contracts.Ids;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class PolicyRouteTests
{
    const string Path = "/api/v1/policies";

    [Fact]
    public async Task A_policy_is_made_read_changed_and_deleted()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Nightly(7), ("Idempotency-Key", "k"))).Is(201);
        Assert.Equal(made["id"], (await world.PostAsync(Path, session, Nightly(7), ("Idempotency-Key", "k"))).Is(201)["id"]);
        var path = made.Headers["Location"];
        var read = (await world.GetAsync(path, session)).Is(200);
        Assert.Equal(made.Text, read.Text);
        Assert.Equal("{\"launchTime\":\"01:30\",\"zone\":\"Europe/Berlin\",\"hourly\":null,\"daily\":{\"keep\":7},"
            + "\"weekly\":{\"days\":[\"sunday\"],\"keep\":5},\"monthly\":{\"on\":{\"day\":null,\"lastDay\":true,\"weekday\":null},\"keep\":12},"
            + "\"fullPattern\":null,\"window\":null,\"notification\":null}", read["rules"]);
        (await world.PutAsync(path, session, Nightly(9))).Is(428, "version-needed");
        var changed = (await world.PutAsync(path, session, Nightly(9), ("If-Match", read.ETag))).Is(200);
        Assert.Equal("9", changed.Json.GetProperty("rules").GetProperty("daily").GetProperty("keep").ToString());
        (await world.PutAsync(path, session, Nightly(8), ("If-Match", read.ETag))).Is(412, "outdated");
        (await world.DeleteAsync(path, session, ("If-Match", changed.ETag))).Is(204);
        (await world.GetAsync(path, session)).Is(404, "not-found");
        Assert.Equal(["createPolicy", "deletePolicy", "updatePolicy"], await world.AuditAsync());
    }

    [Fact]
    public async Task The_list_has_the_systems_policies_too_and_nobody_changes_those()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.PolicyAsync("nightly");
        var session = await world.MemberAsync();
        var list = (await world.GetAsync(Path, session)).Is(200);
        Assert.Equal(["default", "every-4-hours", "nightly"], list.Items("name"));
        Assert.Equal(["True", "True", "False"], list.Items("isSystemDefault"));
        var system = Path + "/" + list.Items("id").First();
        (await world.PutAsync(system, session, Nightly(7), ("If-Match", "*"))).Is(409, "system-default");
        (await world.DeleteAsync(system, session)).Is(409, "system-default");
        Assert.Equal(["nightly"], (await world.GetAsync(Path + "?name=nightly", session)).Items("name"));
    }

    [Theory]
    [InlineData("\"first, second\"", "\"sunday\"")]
    [InlineData("1", "\"sunday\"")]
    [InlineData("\"first\"", "\"monday, tuesday\"")]
    [InlineData("\"first\"", "\"none\"")]
    [InlineData("\"first\"", "7")]
    public async Task A_day_of_the_month_that_nobody_knows_is_refused(string week, string day)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent("{\"name\":\"odd\",\"rules\":{\"launchTime\":\"01:30\",\"zone\":\"Europe/Berlin\","
            + "\"monthly\":{\"on\":{\"weekday\":{\"week\":" + week + ",\"day\":" + day + "}},\"keep\":12}}}",
            System.Text.Encoding.UTF8, "application/json");
        var refused = (await world.SendAsync(HttpMethod.Post, Path, await world.MemberAsync(), content)).Is(400, "wrong-input");
        Assert.StartsWith("rules.monthly.on.weekday", refused["field"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("default")]
    [InlineData("Default")]
    [InlineData("EVERY-4-hours")]
    [InlineData("Shop")]
    public async Task A_name_that_the_system_or_the_project_has_is_taken_however_it_is_written(string name)
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.SystemPoliciesAsync();
        await world.PolicyAsync("shop");
        await world.PolicyAsync("theirs", await world.ProjectAsync("other"));
        var session = await world.MemberAsync();
        var rules = new { launchTime = "01:30", zone = "Etc/UTC", daily = new { keep = 1 } };
        (await world.PostAsync(Path, session, new { name, rules })).Is(409, "name-taken");
        (await world.PostAsync(Path, session, new { name = $" {name}", rules })).Is(400, "wrong-input", "name");
        var other = (await world.PostAsync(Path, session, new { name = "theirs", rules })).Is(201);
        (await world.PutAsync(other.Headers["Location"], session, new { name, rules }, ("If-Match", "*"))).Is(409, "name-taken");
        (await world.PutAsync(other.Headers["Location"], session, new { name = "Theirs", rules }, ("If-Match", "*"))).Is(200);
    }

    [Fact]
    public async Task A_policy_that_plans_use_stays_and_names_their_servers()
    {
        await using var world = await PortalWorld.MakeAsync();
        var policy = await world.PolicyAsync();
        await world.PlanAsync(await world.ServerAsync(), await world.LocationAsync(), policy);
        var refused = (await world.DeleteAsync($"{Path}/{policy}", await world.MemberAsync())).Is(409, "policy-in-use");
        Assert.Contains("web", refused["detail"], StringComparison.Ordinal);
        Assert.Empty(await world.AuditAsync());
    }

    [Theory]
    [InlineData("{\"rules\":{}}", "name")]
    [InlineData("{\"name\":\"x\"}", "rules")]
    [InlineData("{\"name\":\"\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"daily\":{\"keep\":1}}}", "name")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"zone\":\"UTC\"}}", "rules.launchTime")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\"}}", "rules.zone")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"1am\",\"zone\":\"UTC\"}}", "rules.launchTime")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"Mars/Base\",\"daily\":{\"keep\":1}}}", "rules.zone")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\"}}", "rules")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"daily\":{\"keep\":0}}}", "rules.daily.keep")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"hourly\":{\"keep\":1}}}", "rules.hourly")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"weekly\":{\"days\":null}}}", "rules.weekly.days")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"weekly\":{\"days\":[\"someday\"]}}}",
        "rules.weekly.days[0]")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"monthly\":{\"keep\":1}}}", "rules.monthly")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"monthly\":{\"on\":null,\"keep\":1}}}",
        "rules.monthly.on")]
    [InlineData("{\"name\":\"x\",\"rules\":{\"launchTime\":\"01:00\",\"zone\":\"UTC\",\"dayly\":{\"keep\":1}}}", "rules.dayly")]
    public async Task A_wrong_policy_is_refused_by_the_name_of_the_member(string body, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, Path, await world.MemberAsync(), content)).Is(400, "wrong-input", field);
    }

    [Theory]
    [InlineData("\"daily\":{\"keep\":0}", "rules.daily.keep", "It is 0; it is 1 to 1000.")]
    [InlineData("\"weekly\":{\"days\":[],\"keep\":1}", "rules.weekly.days", "It names no day.")]
    [InlineData("\"notification\":null", "rules", "It never runs: give hourly, daily, weekly or monthly.")]
    public async Task What_is_wrong_with_a_member_is_a_sentence_that_does_not_name_it_again(string rule, string field, string detail)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent($"{{\"name\":\"x\",\"rules\":{{\"launchTime\":\"01:00\",\"zone\":\"UTC\",{rule}}}}}",
            System.Text.Encoding.UTF8, "application/json");
        var refused = (await world.SendAsync(HttpMethod.Post, Path, await world.MemberAsync(), content)).Is(400, "wrong-input", field);
        Assert.Equal(detail, refused["detail"]);
    }

    [Fact]
    public async Task Who_is_told_and_a_new_name_change_nothing_for_points_and_a_rule_does()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Nightly(7))).Is(201);
        var policy = PolicyId.From(Guid.Parse(made["id"]!));
        var plan = await world.PlanAsync(await world.ServerAsync(), await world.LocationAsync(), policy);
        var before = await ChangedAtAsync(world, plan);
        world.Clock.Advance(TimeSpan.FromHours(1));
        var told = (await world.PutAsync(made.Headers["Location"], session, Nightly(7, name: "at night", recipients: ["ops@example.org"]),
            ("If-Match", made.ETag))).Is(200);
        Assert.Equal("at night", told["name"]);
        Assert.Equal(before, await ChangedAtAsync(world, plan));
        (await world.PutAsync(made.Headers["Location"], session, Nightly(8, name: "at night", recipients: ["ops@example.org"]),
            ("If-Match", told.ETag))).Is(200);
        Assert.Equal(before + TimeSpan.FromHours(1), await ChangedAtAsync(world, plan));
    }

    static async Task<DateTimeOffset> ChangedAtAsync(PortalWorld world, PlanId plan)
    {
        await using var db = world.Db();
        return (await db.Plans.FindAsync(plan))!.PolicyChangedAt;
    }

    [Fact]
    public async Task A_name_is_given_once_in_a_project()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.PolicyAsync("nightly");
        (await world.PostAsync(Path, await world.MemberAsync(), Nightly(7))).Is(409, "name-taken");
    }

    static object Nightly(int keep, string name = "nightly", string[]? recipients = null) => new
    {
        name,
        rules = new
        {
            launchTime = "01:30",
            zone = "Europe/Berlin",
            daily = new { keep },
            weekly = new { days = new[] { "sunday" }, keep = 5 },
            monthly = new { on = new { lastDay = true }, keep = 12 },
            notification = recipients is null ? null : new { onFailure = true, recipients },
        },
    };
}
