using NodaTime;
using VBackup.Portal.Policies;
using VBackup.Portal.Web.Pages.Policies;
using VBackup.Portal.Web.Pages.Runs;
using VBackup.Portal.Web.Parts;
using VBackup.Portal.Web.Visiting;
using Xunit;

namespace VBackup.Web.Tests;

/// <summary>What pages make of numbers, times and rules.</summary>
public sealed class WordsTests
{
    static readonly DateTimeOffset s_noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(214748364800, "200 GiB")]
    public void Bytes_have_the_unit_that_fits(long bytes, string text) => Assert.Equal(text, Words.Bytes(bytes));

    [Theory]
    [InlineData(1, 3, "33 %")]
    [InlineData(5, 4, "125 %")]
    [InlineData(0, 0, "100 %")]
    public void A_share_is_in_whole_percent(long part, long whole, string text) => Assert.Equal(text, Words.Share(part, whole));

    [Theory]
    [InlineData("Europe/Berlin", "1 Mar 2026, 13:00")]
    [InlineData("Nowhere/Land", "1 Mar 2026, 12:00 UTC")]
    [InlineData(null, "1 Mar 2026, 12:00 UTC")]
    public void An_instant_is_told_in_the_visitors_zone_or_as_UTC(string? zone, string text) =>
        Assert.Equal(text, Words.Instant(s_noon, zone));

    [Theory]
    [InlineData("/points?state=active", "/points?state=active")]
    [InlineData("//evil.example", "/")]
    [InlineData("/\\evil.example", "/")]
    [InlineData("https://evil.example", "/")]
    [InlineData("/a\r\nb", "/")]
    [InlineData(null, "/")]
    public void Nobody_is_sent_to_another_site(string? asked, string path) => Assert.Equal(path, Here.OwnPath(asked));

    [Fact]
    public void A_pace_is_of_the_last_half_minute_and_says_what_is_left()
    {
        var pace = new Pace();
        pace.Note(s_noon, 0, 1000);
        Assert.Null(pace.BytesPerSecond);
        Assert.Null(pace.Left);
        pace.Note(s_noon.AddSeconds(10), 10, 1000);
        pace.Note(s_noon.AddSeconds(40), 310, 1000);
        Assert.Equal(10, pace.BytesPerSecond);
        Assert.Equal(TimeSpan.FromSeconds(69), pace.Left);
    }

    [Fact]
    public void A_pace_of_what_goes_back_is_not_known()
    {
        var pace = new Pace();
        pace.Note(s_noon, 500, 1000);
        pace.Note(s_noon.AddSeconds(5), 100, 1000);
        Assert.Null(pace.BytesPerSecond);
    }

    [Fact]
    public void A_policy_is_said_as_people_say_it()
    {
        var rules = new PolicyRules(new LocalTime(2, 0), "Europe/Berlin", new(6, 12), new(7),
            new([IsoDayOfWeek.Monday, IsoDayOfWeek.Friday], 5),
            new(DayOfMonth.Of(WeekOfMonth.Last, IsoDayOfWeek.Sunday)), new(6, 2),
                new(new LocalTime(22, 0), new LocalTime(4, 0), new LocalTime(6, 0)));
        Assert.Equal("Every day, on Monday and Friday and on the last Sunday of the month at 02:00; every 6 hours from 02:00 on, "
            + "Europe/Berlin",
            PolicyText.Starts(rules));
        Assert.Equal("Keeps 12 hourly, 7 daily and 5 weekly copies and the last 2 fulls with what follows them", PolicyText.Keeps(rules));
        // In a list, the column, or on a narrow screen the label, says that it is what it keeps.
        Assert.Equal("12 hourly, 7 daily and 5 weekly copies and the last 2 fulls with what follows them", PolicyText.Kept(rules));
        Assert.Equal("Every 7th run reads everything, the others what changed", PolicyText.Reads(rules));
        Assert.Equal("Starts from 22:00 to 04:00, and ends by 06:00 whether it is done or not", PolicyText.Window(rules));
    }

    [Fact]
    public void The_next_starts_are_told_in_the_policys_own_zone_over_a_change_of_clocks()
    {
        var rules = new PolicyRules(new LocalTime(2, 30), "Europe/Berlin", Daily: new(7));
        // On the 29th of March 2026 there is no 02:30 in Berlin.
        Assert.Equal(["Sat 28 Mar 2026, 02:30 (daily)", "Sun 29 Mar 2026, 03:00 (daily)", "Mon 30 Mar 2026, 02:30 (daily)"],
            PolicyText.Next(rules, Instant.FromUtc(2026, 3, 27, 12, 0), 3));
    }

    [Fact]
    public void A_draft_of_a_policy_gives_back_what_it_was_made_of()
    {
        var rules = new PolicyRules(new LocalTime(2, 0), "Europe/Berlin", new(6, 12), new(7),
            new([IsoDayOfWeek.Monday, IsoDayOfWeek.Friday], 5),
            new(DayOfMonth.Of(WeekOfMonth.Last, IsoDayOfWeek.Sunday), 3), new(6, 2),
                new(new LocalTime(22, 0), new LocalTime(4, 0), new LocalTime(6, 0)));
        var again = new PolicyDraft("nightly", rules).Read(out var fault);
        Assert.Null(fault);
        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(rules, PolicyJson.Default.PolicyRules),
            System.Text.Json.JsonSerializer.Serialize(again, PolicyJson.Default.PolicyRules));
    }

    [Fact]
    public void A_draft_says_what_is_wrong_with_it()
    {
        new PolicyDraft("Etc/UTC") { Launch = "" }.Read(out var noTime);
        Assert.Equal("launchTime", noTime?.Field);
        new PolicyDraft("Etc/UTC") { KeepDaily = 0 }.Read(out var keepsNone);
        Assert.Equal("daily.keep", keepsNone?.Field);
        new PolicyDraft("Etc/UTC") { IsMonthly = true, On = "9-9" }.Read(out var noDay);
        Assert.Equal("monthly.on.weekday.week", noDay?.Field);
    }
}
