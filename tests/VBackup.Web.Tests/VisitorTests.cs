using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using VBackup.Web.Tests.World;
using Xunit;

namespace VBackup.Web.Tests;

/// <summary>Who gets in, what he sees there, and how what was taken from him is gone.</summary>
public sealed class VisitorTests(VisitorTests.UsedSite used) : IClassFixture<VisitorTests.UsedSite>
{
    /// <summary>One that an administrator uses over the API beside the browser, and that has a point.</summary>
    public sealed class UsedSite : IAsyncLifetime
    {
        public Site Site { get; } = new();
        public string Point { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            await Site.InitializeAsync();
            await Site.Up.SignInAsync(Site.Password);
            var server = await Site.Up.FirstServerAsync();
            Assert.Equal("succeeded", await Site.Up.FollowAsync(await Site.Up.PostAsync($"servers/{server}/backups", new { })));
            Point = (await Site.Up.GetAsync("points")).GetProperty("items")[0].GetProperty("id").GetString()!;
        }

        /// <summary>A user who has chosen his password, as a member of projects.</summary>
        internal async Task<JsonElement> UserAsync(string name, string role, params string[] projects)
        {
            var made = await Site.Up.PostAsync("users", new { name });
            var oneTime = made.GetProperty("oneTimePassword").GetString();
            foreach (var project in projects)
            {
                using var there = await InProjectAsync(project);
                (await there.PostAsJsonAsync("/api/v1/memberships", new { user = name, role })).EnsureSuccessStatusCode();
            }
            (await Site.Up.Http.PutAsJsonAsync("/api/v1/users/me/password",
                new { user = name, password = oneTime, newPassword = Site.Password }))
                .EnsureSuccessStatusCode();
            return made;
        }

        internal async Task<HttpClient> InProjectAsync(string project)
        {
            var http = new HttpClient { BaseAddress = Site.Up.Http.BaseAddress };
            var answer = await http.PostAsJsonAsync("/api/v1/sessions", new { user = "admin", password = Site.Password, project });
            var session = await answer.Content.ReadFromJsonAsync<JsonElement>();
            http.DefaultRequestHeaders.Authorization = new("Bearer", session.GetProperty("token").GetString());
            return http;
        }

        public ValueTask DisposeAsync() => Site.DisposeAsync();
    }

    Site Site => used.Site;

    [Fact]
    public async Task Another_projects_things_are_not_shown()
    {
        await Site.Up.PostAsync("projects", new { name = "neighbours" });
        await used.UserAsync("eve", "vBackupFullAccess", "neighbours");
        await using var eve = await Site.VisitAsync();
        await eve.SignInAsync("eve");
        await eve.SeesHeadingAsync("No servers yet");
        await eve.GoToAsync($"/points/{used.Point}");
        await eve.SeesAsync("There is no such point.");
        await eve.GoToAsync("/servers/local/web-1");
        await eve.SeesAsync("There is no such server.");
        await eve.GoToAsync("/runs");
        await eve.SeesHeadingAsync("Nothing has run yet");
    }

    [Fact]
    public async Task Where_points_are_kept_and_what_snapshots_there_are_is_shown()
    {
        await used.UserAsync("lister", "vBackupReadOnlyAccess", "default");
        await used.UserAsync("outsider", "vBackupFullAccess",
            (await Site.Up.PostAsync("projects", new { name = "outside" })).GetProperty("name").GetString()!);
        await using var visitor = await Site.VisitAsync();
        await visitor.SignInAsync("lister");
        await visitor.FollowAsync("Locations");
        await visitor.SeesHeadingAsync("Locations");
        await Visitor.SeesAsync(visitor.Page.GetByRole(AriaRole.Row, new() { NameRegex = new("^local.default Ready .* MiB none") }));
        await visitor.FollowAsync("Snapshots");
        await visitor.SeesHeadingAsync("Snapshots");
        await Visitor.SeesAsync(visitor.Page.GetByRole(AriaRole.Row,
            new() { NameRegex = new(" web-1 A backup Base of the next backup ") }));
        await visitor.GoToAsync("/snapshots?purpose=manual");
        await visitor.SeesHeadingAsync("None of these");

        await using var outsider = await Site.VisitAsync();
        await outsider.SignInAsync("outsider");
        await outsider.GoToAsync("/locations");
        await outsider.SeesHeadingAsync("No locations yet");
        await outsider.GoToAsync("/snapshots");
        await outsider.SeesHeadingAsync("No snapshots yet");
    }

    [Fact]
    public async Task A_location_is_locked_once_its_name_was_typed_and_unlocked_before_that_is_final()
    {
        await used.UserAsync("keeper", "vBackupFullAccess", "default");
        await using var keeper = await Site.VisitAsync();
        await keeper.SignInAsync("keeper");
        await keeper.FollowAsync("Locations");
        await keeper.PressAsync("Lock of local");
        await keeper.SeesHeadingAsync("Lock local?");
        await keeper.FillAsync("Least age, days", "1");
        await keeper.FillAsync("Can be changed for, days", "3");
        var lockIt = keeper.Page.GetByRole(AriaRole.Button, new() { Name = "Lock it", Exact = true });
        await Assertions.Expect(lockIt).ToBeDisabledAsync();
        await keeper.FillAsync("Type local to confirm", "local");
        await keeper.PressAsync("Lock it");
        await Visitor.SeesAsync(keeper.Page.GetByRole(AriaRole.Cell, new() { NameRegex = new("^at least 1 day, ?final from ") }));
        Assert.Equal("1 3", await LockAsync());
        await keeper.PressAsync("Change lock of local");
        await keeper.PressAsync("Take the lock away");
        await Visitor.SeesAsync(keeper.Page.GetByRole(AriaRole.Button, new() { Name = "Lock of local", Exact = true }));
        Assert.Null(await LockAsync());
        Assert.Empty(keeper.Complaints);
        Assert.Equal("keeper keeper", string.Join(' ', (await Site.Up.GetAsync("audit")).GetProperty("items").EnumerateArray()
            .Where(line => line.GetProperty("action").GetString() is "lockLocation" or "unlockLocation"
                && line.GetProperty("target").GetString()!.StartsWith("location local", StringComparison.Ordinal))
            .Select(line => line.GetProperty("who").GetString())));

        async Task<string?> LockAsync()
        {
            var held = (await Site.Up.GetAsync("locations?name=local")).GetProperty("items")[0].GetProperty("lock");
            return held.ValueKind == JsonValueKind.Null ? null
                : $"{held.GetProperty("minDays")} {Math.Round((held.GetProperty("finalAt").GetDateTimeOffset()
                    - TimeProvider.System.GetUtcNow()).TotalDays)}";
        }
    }

    [Fact]
    public async Task A_volume_leaves_as_an_image_file_and_comes_back_as_a_new_volume()
    {
        await used.UserAsync("carrier", "vBackupFullAccess", "default");
        await using var carrier = await Site.VisitAsync();
        await carrier.SignInAsync("carrier");
        await carrier.GoToAsync($"/points/{used.Point}");
        await carrier.PressAsync("Export an image");
        await carrier.FillAsync("Name of the file", "boot.raw");
        await carrier.PressAsync("Start the export");
        await carrier.SeesHeadingAsync("Image export of web-1");
        await carrier.SeesAsync("Succeeded");
        await carrier.GoToAsync("/servers/local/web-1");
        await carrier.PressAsync("Import an image");
        await carrier.FillAsync("Name of the file", "boot.raw");
        await carrier.FillAsync("Name of the new volume", "carried");
        await carrier.PressAsync("Start the import");
        await carrier.SeesHeadingAsync("Image import of web-1");
        await carrier.SeesAsync("Succeeded");
        Assert.Empty(carrier.Complaints);
    }

    [Fact]
    public async Task A_lock_that_somebody_else_changed_meanwhile_is_not_changed_unseen()
    {
        await used.UserAsync("late", "vBackupFullAccess", "default");
        await using var late = await Site.VisitAsync();
        await late.SignInAsync("late");
        var location = await Site.Up.PostAsync("locations",
            new { name = "raced", region = "local", kind = "filesystem", address = Site.NewFolder("data/locations/raced") });
        await late.GoToAsync("/locations");
        await late.PressAsync("Lock of raced");
        await late.FillAsync("Least age, days", "2");
        using var other = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/locations/{location.GetProperty("id").GetString()}/lock");
        other.Content = JsonContent.Create(new { minDays = 9, changeDays = 9 });
        other.Headers.TryAddWithoutValidation("If-Match", "*");
        (await Site.Up.Http.SendAsync(other)).EnsureSuccessStatusCode();
        await late.FillAsync("Type raced to confirm", "raced");
        await late.PressAsync("Lock it");
        await late.SeesAsync("Read it again: it has another version now.");
        Assert.Equal(9, (await Site.Up.GetAsync("locations?name=raced")).GetProperty("items")[0].GetProperty("lock")
            .GetProperty("minDays").GetInt32());
    }

    [Fact]
    public async Task Who_only_reads_sees_no_buttons_that_he_may_not_press()
    {
        await used.UserAsync("reader", "vBackupReadOnlyAccess", "default");
        await using var reader = await Site.VisitAsync();
        await reader.SignInAsync("reader");
        await reader.FollowAsync("web-1");
        await reader.SeesHeadingAsync("Volumes");
        await reader.SeesNoButtonAsync("Back up now");
        await reader.GoToAsync($"/points/{used.Point}");
        await reader.SeesHeadingAsync("How long it stays");
        await reader.SeesNoButtonAsync("Restore");
        await reader.SeesNoButtonAsync("Export an image");
        await reader.SeesNoButtonAsync("Delete");
        await reader.GoToAsync("/policies/new");
        await reader.SeesHeadingAsync("New policy");
        await reader.SeesNoButtonAsync("Make the policy");
        await reader.GoToAsync("/locations");
        await reader.SeesHeadingAsync("Locations");
        await Visitor.SeesAsync(reader.Page.GetByRole(AriaRole.Row, new() { NameRegex = new("^local") }));
        await reader.SeesNoButtonAsync("Lock of local");
    }

    [Fact]
    public async Task What_was_taken_from_a_role_is_refused_at_a_page_that_was_open_before()
    {
        var bob = (await used.UserAsync("bob", "vBackupOperator", "default")).GetProperty("id").GetString();
        await using var visitor = await Site.VisitAsync();
        await visitor.SignInAsync("bob");
        await visitor.GoToAsync("/plans/new");
        await visitor.SeesHeadingAsync("New plan");
        await visitor.GoToAsync("/policies/new");
        await visitor.FillAsync("Name", "too-late");
        var now = await Site.Up.Http.GetAsync($"/api/v1/memberships/{bob}");
        using var less = new HttpRequestMessage(HttpMethod.Put, $"/api/v1/memberships/{bob}");
        less.Content = JsonContent.Create(new { role = "vBackupReadOnlyAccess" });
        less.Headers.TryAddWithoutValidation("If-Match", now.Headers.ETag!.ToString());
        (await Site.Up.Http.SendAsync(less)).EnsureSuccessStatusCode();
        await visitor.PressAsync("Make the policy");
        await visitor.SeesAsync("Your role in this project lacks the permission CreatePolicy.");
        Assert.DoesNotContain("too-late", (await Site.Up.GetAsync("policies")).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_that_was_revoked_ends_at_a_page_that_is_open()
    {
        await used.UserAsync("carl", "vBackupOperator", "default");
        await using var carl = await Site.VisitAsync();
        await carl.SignInAsync("carl");
        await carl.GoToAsync("/policies/new");
        await carl.FillAsync("Name", "never-made");
        var sessions = (await Site.Up.GetAsync("tokens?user=carl")).GetProperty("items").EnumerateArray();
        foreach (var session in sessions)
            (await Site.Up.Http.DeleteAsync($"/api/v1/tokens/{session.GetProperty("id").GetString()}")).EnsureSuccessStatusCode();
        await carl.PressAsync("Make the policy");
        await carl.SeesHeadingAsync("Sign in");
        // He comes back to where he was.
        Assert.EndsWith("/sign-in?back=%2Fpolicies%2Fnew", carl.Page.Url, StringComparison.Ordinal);
        await carl.FillAsync("User", "carl");
        await carl.FillAsync("Password", Site.Password);
        await carl.PressAsync("Sign in");
        await carl.SeesHeadingAsync("New policy");
    }

    [Fact]
    public async Task One_of_two_projects_is_named_and_the_other_chosen_later()
    {
        await Site.Up.PostAsync("projects", new { name = "second" });
        await used.UserAsync("dora", "vBackupReadOnlyAccess", "default", "second");
        await using var dora = await Site.VisitAsync();
        await dora.SignInAsync("dora", project: "second");
        await dora.SeesHeadingAsync("No servers yet");
        await dora.PressAsync("Project second: change");
        await dora.Page.GetByRole(AriaRole.Menuitem, new() { Name = "default" }).ClickAsync();
        await dora.SeesAsync("web-1");
    }

    [Fact]
    public async Task A_wrong_password_is_refused_in_words()
    {
        await using var visitor = await Site.VisitAsync();
        await visitor.SignInAsync("nobody", "wrong wrong wrong");
        await visitor.SeesAsync("There is no such user, or the password is another one.");
    }

    [Fact]
    public async Task The_cookie_is_for_the_pages_alone()
    {
        await used.UserAsync("fred", "vBackupFullAccess", "default");
        await using var fred = await Site.VisitAsync();
        await fred.SignInAsync("fred");
        await fred.SeesHeadingAsync("Servers");
        var cookie = Assert.Single(await fred.Page.Context.CookiesAsync(), one => one.Name == "vbackup-session");
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteAttribute.Strict, cookie.SameSite);
        Assert.Equal((int)HttpStatusCode.Unauthorized, (await fred.Page.APIRequest.GetAsync("/api/v1/servers")).Status);
        // A form that another site sends has no token of ours.
        await fred.Page.APIRequest.PostAsync("/sign-out");
        await fred.Page.ReloadAsync();
        await fred.SeesHeadingAsync("Servers");
        await fred.PressAsync("Sign out");
        await fred.SeesHeadingAsync("Sign in");
        using var later = new HttpRequestMessage(HttpMethod.Get, "/api/v1/users/me");
        later.Headers.Authorization = new("Bearer", cookie.Value);
        Assert.Equal(HttpStatusCode.Unauthorized, (await Site.Up.Http.SendAsync(later)).StatusCode);
    }

    [Theory]
    [InlineData("backups.example.net", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("localhost", false)]
    public async Task The_cookie_is_sent_by_TLS_alone_unless_the_host_is_this_machine(string host, bool isSecure)
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        http.BaseAddress = Site.Up.Http.BaseAddress;
        using var form = new HttpRequestMessage(HttpMethod.Get, "/sign-in") { Headers = { Host = host } };
        var answer = await http.SendAsync(form);
        var page = await answer.Content.ReadAsStringAsync();
        var fields = new[] { "_handler", "__RequestVerificationToken" }
            .ToDictionary(name => name, name => Between(page, $"name=\"{name}\" value=\"", "\""));
        (fields["Asked.User"], fields["Asked.Password"], fields["Asked.Project"]) = ("admin", Site.Password, "default");
        using var sent = new HttpRequestMessage(HttpMethod.Post, "/sign-in") { Headers = { Host = host } };
        sent.Content = new FormUrlEncodedContent(fields);
        sent.Headers.Add("Cookie", answer.Headers.GetValues("Set-Cookie").Select(one => one.Split(';')[0]));
        var signedIn = await http.SendAsync(sent);
        var cookie = Assert.Single(signedIn.Headers.GetValues("Set-Cookie"), one =>
            one.StartsWith("vbackup-session=", StringComparison.Ordinal));
        Assert.Equal(isSecure, cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase));
        // Not http://…, which is the scheme behind a proxy and not before it.
        Assert.Equal("/", signedIn.Headers.Location?.ToString());
    }

    [Fact]
    public async Task Nobody_gets_an_open_connection_who_is_not_signed_in()
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = Site.Up.Http.BaseAddress };
        var answer = await http.PostAsync("/_blazor/negotiate?negotiateVersion=1", null);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith("/sign-in", answer.Headers.Location!.ToString(), StringComparison.Ordinal);
        var page = await http.GetAsync("/sign-in");
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_is_none_says_so_and_leads_back_whoever_asks()
    {
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = Site.Up.Http.BaseAddress };
        var page = await http.GetAsync("/nothing/here");
        Assert.Equal((HttpStatusCode.NotFound, "text/html"), (page.StatusCode, page.Content.Headers.ContentType?.MediaType));
        Assert.Contains("script-src 'self';", Assert.Single(page.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
        var ofApi = await http.GetAsync("/api/v1/nothing/here");
        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"),
            (ofApi.StatusCode, ofApi.Content.Headers.ContentType?.MediaType));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await http.PutAsync("/api/v1/servers", null)).StatusCode);

        await using var nobody = await Site.VisitAsync();
        await nobody.GoToAsync("/nothing/here");
        await nobody.SeesHeadingAsync("There is no such page");
        await nobody.FollowAsync("Go to the first page");
        await nobody.SeesHeadingAsync("Sign in");

        await used.UserAsync("hugo", "vBackupReadOnlyAccess", "default");
        await using var hugo = await Site.VisitAsync();
        await hugo.SignInAsync("hugo");
        await hugo.SeesHeadingAsync("Servers");
        await hugo.GoToAsync("/nothing/here");
        await hugo.SeesHeadingAsync("There is no such page");
        await hugo.FollowAsync("Go to the first page");
        await hugo.SeesHeadingAsync("Servers");
    }

    [Fact]
    public async Task Names_are_text_whatever_is_in_them()
    {
        const string Name = "<img src=x onerror=alert(1)>";
        await Site.Up.PostAsync("policies", new { name = Name,
            rules = new { launchTime = "03:00", zone = "Etc/UTC", daily = new { keep = 1 } } });
        await used.UserAsync("gina", "vBackupReadOnlyAccess", "default");
        await using var gina = await Site.VisitAsync();
        await gina.SignInAsync("gina");
        await gina.FollowAsync("Policies");
        await Visitor.SeesAsync(gina.Page.GetByRole(AriaRole.Link, new() { Name = Name }));
        await Assertions.Expect(gina.Page.Locator("main img")).ToHaveCountAsync(0);
        Assert.Empty(gina.Complaints);
    }

    static string Between(string text, string before, string after)
    {
        var from = text.IndexOf(before, StringComparison.Ordinal);
        Assert.True(from >= 0, $"the page has no {before}");
        from += before.Length;
        return WebUtility.HtmlDecode(text[from..text.IndexOf(after, from, StringComparison.Ordinal)]);
    }
}
