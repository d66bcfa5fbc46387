using Microsoft.Playwright;
using VBackup.Web.Tests.World;
using Xunit;

namespace VBackup.Web.Tests;

/// <summary>What a person does in a browser, from the first start on.</summary>
public sealed class PersonStoryTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task A_person_protects_a_server_and_gets_it_back()
    {
        await using var ada = await site.VisitAsync();
        await ada.SignInAsync("admin", site.Up.OneTimePassword!);
        await ada.SeesHeadingAsync("Choose a password");
        await ada.FillAsync("The password that you have", site.Up.OneTimePassword!);
        await ada.FillAsync("New password, of 12 letters at least", Site.Password);
        await ada.FillAsync("The new one again", Site.Password);
        await ada.PressAsync("Choose it and sign in");

        await ada.SeesHeadingAsync("Servers");
        await ada.FollowAsync("web-1");
        await ada.SeesAsync("No restore points yet");
        await ada.PressAsync("Back up now");
        await ada.SeesHeadingAsync("Backup of web-1");
        await ada.FollowAsync("See its restore point");
        await ada.SeesHeadingAsync("How long it stays");
        await ada.SeesAsync("Made by hand: only a user deletes it.");

        await ada.PressAsync("Restore");
        await ada.FillAsync("Name of the new server", "web-2");
        await ada.PressAsync("Start the restore");
        await ada.SeesHeadingAsync("Restore of web-1");
        await ada.SeesAsync("Succeeded");
        Assert.Empty(ada.Complaints);

        await MakePolicyAsync(ada);
        await PutOnPlanAsync(ada);
        await ada.PressAsync("Sign out");
        await ada.SeesHeadingAsync("Sign in");
        await ada.GoToAsync("/points");
        await ada.SeesHeadingAsync("Sign in");
        Assert.Empty(ada.Complaints);
    }

    static async Task MakePolicyAsync(Visitor ada)
    {
        await ada.FollowAsync("Policies");
        await ada.FollowAsync("New policy");
        await ada.FillAsync("Name", "nightly");
        await ada.FillAsync("Keep daily", "3");
        await ada.Page.GetByLabel("Weekly", new() { Exact = true }).CheckAsync();
        // The browser's time zone is the one that is meant, unless another is said.
        await ada.SeesAsync("Every day and on Sunday at 02:00, Europe/Berlin.");
        await ada.SeesAsync("Keeps 3 daily and 5 weekly copies.");
        await Assertions.Expect(ada.Page.Locator(".starts li")).ToHaveCountAsync(5);
        await ada.PressAsync("Make the policy");
        await Visitor.SeesAsync(ada.Page.GetByRole(AriaRole.Link, new() { Name = "nightly" }));
    }

    // "Back up now" has made one by the defaults.
    static async Task PutOnPlanAsync(Visitor ada)
    {
        await ada.FollowAsync("Plans");
        await ada.FollowAsync("web-1");
        await ada.Page.GetByLabel("Policy", new() { Exact = true }).SelectOptionAsync(new SelectOptionValue { Label = "nightly" });
        await ada.Page.GetByLabel("Only some").CheckAsync();
        await ada.Page.GetByLabel("vda").CheckAsync();
        await ada.PressAsync("Save");
        await ada.SeesHeadingAsync("Plans");
        await Visitor.SeesAsync(ada.Page.GetByRole(AriaRole.Cell, new() { Name = "nightly" }));
        await ada.FollowAsync("web-1");
        await ada.PressAsync("Switch off");
        await Visitor.SeesAsync(ada.Page.GetByRole(AriaRole.Button, new() { Name = "Switch on" }));

        await ada.FollowAsync("Policies");
        await ada.FollowAsync("nightly");
        await ada.PressAsync("Delete");
        await ada.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Delete" }).ClickAsync();
        await ada.SeesAsync("The policy nightly is used for web-1: give those plans another policy first.");
    }
}
