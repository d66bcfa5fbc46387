using System.Text.Json;
using NodaTime;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using Xunit;

namespace VBackup.Portal.Tests.Policies;

/// <summary>Policies are saved for years and are what the API shows: what was written stays readable, and is written as ever.</summary>
public sealed class FrozenPolicyTests
{
    static readonly PolicyRules s_whole = new(
        Sample.Time("16:05"), "Europe/Berlin", new(4, 6), new(7), new([IsoDayOfWeek.Monday, IsoDayOfWeek.Sunday], 5),
        new(DayOfMonth.Of(WeekOfMonth.Last, IsoDayOfWeek.Sunday), 12), new(4, 2),
        new(Sample.Time("22:00"), Sample.Time("02:30"), Sample.Time("06:00")),
        new(false, true, ["ops@example.org"], [new(new("00000001-0000-7000-8000-000000000000"))]));

    const string WholeJson = """
        {"launchTime":"16:05","zone":"Europe/Berlin","hourly":{"everyHours":4,"keep":6},"daily":{"keep":7},"weekly":{"days":["monday","sunday"],"keep":5},"monthly":{"on":{"day":null,"lastDay":false,"weekday":{"week":"last","day":"sunday"}},"keep":12},"fullPattern":{"incrementals":4,"keepFulls":2},"window":{"earliestStart":"22:00","latestStart":"02:30","stopBy":"06:00"},"notification":{"onSuccess":false,"onFailure":true,"recipients":["ops@example.org"],"webhooks":["00000001-0000-7000-8000-000000000000"]}}
        """;

    public static TheoryData<PolicyRules, string> Frozen => new()
    {
        { s_whole, WholeJson },
        {
            Sample.WorkedCase,
            """{"launchTime":"16:00","zone":"Asia/Ho_Chi_Minh","hourly":{"everyHours":4,"keep":null},"daily":null,"weekly":null,"monthly":null,"fullPattern":{"incrementals":4,"keepFulls":2},"window":null,"notification":null}"""
        },
        {
            Sample.Monthly(DayOfMonth.Numbered(31)),
            """{"launchTime":"12:00","zone":"UTC","hourly":null,"daily":null,"weekly":null,"monthly":{"on":{"day":31,"lastDay":false,"weekday":null},"keep":12},"fullPattern":null,"window":null,"notification":null}"""
        },
        {
            Sample.Monthly(DayOfMonth.Last),
            """{"launchTime":"12:00","zone":"UTC","hourly":null,"daily":null,"weekly":null,"monthly":{"on":{"day":null,"lastDay":true,"weekday":null},"keep":12},"fullPattern":null,"window":null,"notification":null}"""
        },
    };

    [Theory]
    [MemberData(nameof(Frozen))]
    public void A_policy_is_written_as_ever_and_read_back_as_it_was(PolicyRules rules, string golden)
    {
        Assert.Equal(golden, JsonSerializer.Serialize(rules, PolicyJson.Default.PolicyRules));
        Assert.Equal(golden, JsonSerializer.Serialize(Read(golden), PolicyJson.Default.PolicyRules));
        Assert.Empty(PolicyFaults.Of(Read(golden)));
    }

    [Fact]
    public void A_policy_from_before_notifications_is_read_and_tells_nobody() =>
        Assert.Null(Read("""{"launchTime":"12:00","zone":"UTC","hourly":null,"daily":{"keep":1},"weekly":null,"monthly":null,"fullPattern":null,"window":null}""").Notification);

    [Fact]
    public void The_calendar_of_a_scheduled_restore_is_written_as_ever()
    {
        const string golden = """{"launchTime":"03:00","zone":"Europe/Berlin","hourly":{"everyHours":4,"keep":null},"daily":{"keep":null},"weekly":{"days":["sunday"],"keep":null},"monthly":{"on":{"day":1,"lastDay":false,"weekday":null},"keep":null}}""";
        var calendar = JsonSerializer.Deserialize(golden, PolicyJson.Default.RestoreCalendar)!;
        Assert.Equal(golden, JsonSerializer.Serialize(calendar, PolicyJson.Default.RestoreCalendar));
        Assert.Null(calendar.Fault());
        Assert.Equal((RuleTags)15, calendar.Rules.Tags);
    }

    [Fact]
    public void What_is_left_out_is_not_there_and_the_order_of_members_does_not_matter()
    {
        var rules = Read("""{"zone":"UTC","monthly":{"keep":1,"on":{"day":3}},"launchTime":"01:00","addedLater":true}""");
        Assert.Equal(new MonthlyRule(DayOfMonth.Numbered(3), 1), rules.Monthly);
        Assert.Equal(RuleTags.Monthly, rules.Tags);
    }

    [Theory]
    [InlineData("""{"zone":"UTC"}""", "launchTime")]
    [InlineData("""{"launchTime":"16:00"}""", "zone")]
    [InlineData("""{"launchTime":"16:00","zone":null}""", "zone")]
    [InlineData("""{"launchTime":"4pm","zone":"UTC"}""", "HH:mm")]
    [InlineData("""{"launchTime":"24:00","zone":"UTC"}""", "HH:mm")]
    [InlineData("""{"launchTime":"16:00:30","zone":"UTC"}""", "HH:mm")]
    [InlineData("""{"launchTime":"16:00","zone":"UTC","weekly":{"days":["someday"]}}""", "days")]
    [InlineData("""{"launchTime":"16:00","zone":"UTC","weekly":{"days":[1]}}""", "days")]
    [InlineData("""{"launchTime":"16:00","zone":"UTC","weekly":{"days":null}}""", "days")]
    [InlineData("""{"launchTime":"16:00","zone":"UTC","monthly":{"on":{"weekday":{"week":"fifth","day":"friday"}}}}""", "week")]
    public void What_is_no_policy_is_refused_and_says_where(string json, string named) =>
        Assert.Contains(named, Assert.ThrowsAny<JsonException>(() => Read(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_time_that_would_lose_its_seconds_is_not_written() => Assert.Throws<JsonException>(() =>
        JsonSerializer.Serialize(s_whole with { LaunchTime = new(16, 0, 30) }, PolicyJson.Default.PolicyRules));

    [Fact]
    public void Tags_are_written_by_name_and_read_back()
    {
        Assert.Equal(["hourly", "daily", "weekly", "monthly"], RuleTagNames.Of((RuleTags)15));
        foreach (var tags in Enumerable.Range(0, 16).Select(bits => (RuleTags)bits))
            Assert.Equal(tags, RuleTagNames.Parse(RuleTagNames.Of(tags)));
        Assert.Throws<FormatException>(() => RuleTagNames.Parse(["yearly"]));
    }

    static PolicyRules Read(string json) => JsonSerializer.Deserialize(json, PolicyJson.Default.PolicyRules)!;
}
