using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using VBackup.Web.Tests.World;
using Xunit;

namespace VBackup.Web.Tests;

/// <summary>axe finds nothing serious, in either colours, on a wide screen and on a telephone's.</summary>
public sealed class AccessibilityTests(VisitorTests.UsedSite used) : IClassFixture<VisitorTests.UsedSite>
{
    [Theory]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(420, ColorScheme.Light)]
    [InlineData(420, ColorScheme.Dark)]
    public async Task No_page_has_a_serious_violation(int width, ColorScheme colours)
    {
        await using var visitor = await used.Site.VisitAsync(width, colours);
        List<string> found = [];
        await visitor.GoToAsync("/sign-in");
        found.AddRange(await ViolationsAsync(visitor));
        await visitor.GoToAsync("/choose-password");
        found.AddRange(await ViolationsAsync(visitor));
        await visitor.SignInAsync("admin");
        await visitor.SeesHeadingAsync("Servers");
        var run = (await used.Site.Up.GetAsync("runs")).GetProperty("items")[0].GetProperty("id").GetString();
        var plan = (await used.Site.Up.GetAsync("plans")).GetProperty("items")[0].GetProperty("id").GetString();
        foreach (var (path, heading) in new[]
        {
            ("/servers", "Servers"), ("/servers/local/web-1", "Volumes"), ("/plans", "Plans"), ("/plans/new", "New plan"),
            ($"/plans/{plan}", "Plan of web-1"),
            ("/policies", "Policies"), ("/policies/new", "What it does"), ("/points", "Restore points"),
            ($"/points/{used.Point}", "How long it stays"),
            ("/runs", "Runs"), ($"/runs/{run}", "About it"), ("/locations", "Locations"), ("/snapshots", "Snapshots"),
        })
        {
            await visitor.GoToAsync(path);
            await visitor.SeesHeadingAsync(heading);
            found.AddRange(await ViolationsAsync(visitor));
            // Nothing is cut off at the side.
            if (await visitor.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
                found.Add($"{path} is wider than a screen of {width}");
        }
        await visitor.GoToAsync($"/points/{used.Point}");
        await visitor.PressAsync("Restore");
        await visitor.SeesHeadingAsync("Restore web-1");
        await visitor.Page.GetByLabel("The server itself: what it holds now is overwritten").CheckAsync();
        await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Overwrite and restore" })).ToBeDisabledAsync();
        found.AddRange(await ViolationsAsync(visitor));
        await visitor.GoToAsync("/locations");
        await visitor.PressAsync("Lock of local");
        await visitor.SeesHeadingAsync("Lock local?");
        found.AddRange(await ViolationsAsync(visitor));
        Assert.True(found.Count == 0, string.Join('\n', found));
    }

    static async Task<IEnumerable<string>> ViolationsAsync(Visitor visitor) => (await visitor.Page.RunAxe()).Violations
        .Where(one => one.Impact is "serious" or "critical")
        .SelectMany(one => one.Nodes.Select(node => $"{new Uri(visitor.Page.Url).AbsolutePath}: {one.Id}: {node.Html}"));
}
