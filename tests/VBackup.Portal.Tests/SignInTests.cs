using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class SignInTests
{
    [Fact]
    public async Task A_session_lets_in_for_twelve_hours()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var session = (await world.SignInAsync("ada")).Is(201);
        var token = session["token"]!;
        Assert.StartsWith("vb_", token, StringComparison.Ordinal);
        world.Clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        var me = (await world.GetAsync("/api/v1/users/me", token)).Is(200);
        Assert.Equal(("ada", "default", BuiltInRoles.Operator), (me["name"], me["projectName"], me["role"]));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var expired = (await world.GetAsync("/api/v1/users/me", token)).Is(401, "wrong-credentials");
        Assert.Equal("Bearer error=\"invalid_token\"", expired.Headers["WWW-Authenticate"]);
    }

    [Fact]
    public async Task A_session_that_was_ended_lets_nobody_in()
    {
        await using var world = await PortalWorld.MakeAsync();
        var token = await world.MemberAsync();
        (await world.DeleteAsync("/api/v1/sessions/current", token)).Is(204);
        (await world.GetAsync("/api/v1/users/me", token)).Is(401, "wrong-credentials");
    }

    [Fact]
    public async Task The_one_time_password_opens_nothing_but_the_way_to_another()
    {
        await using var world = await PortalWorld.MakeAsync();
        (await world.SignInAsync("admin", world.OneTimePassword)).Is(403, "password-change-required");
        (await ChangeAsync("not that one at all", "something of my own")).Is(401, "wrong-credentials");
        (await ChangeAsync(world.OneTimePassword, world.OneTimePassword)).Is(400, "wrong-input", "newPassword");
        (await ChangeAsync(world.OneTimePassword, "short")).Is(400, "wrong-input", "newPassword");
        (await ChangeAsync(world.OneTimePassword, "admin12345ab")).Is(400, "wrong-input", "newPassword");
        (await ChangeAsync(world.OneTimePassword, "something of my own")).Is(204);
        (await world.SignInAsync("admin", world.OneTimePassword)).Is(401, "wrong-credentials");
        var session = (await world.SignInAsync("admin", "something of my own")).Is(201);
        Assert.Equal("default", session["projectName"]);

        Task<Answer> ChangeAsync(string password, string newPassword) =>
            world.PutAsync("/api/v1/users/me/password", null, new { user = "admin", password, newPassword });
    }

    [Fact]
    public async Task The_first_administrator_has_another_password_at_each_start_until_he_has_chosen_one()
    {
        await using var world = await PortalWorld.MakeAsync();
        Assert.Equal(24, world.OneTimePassword.Length);
        var another = Assert.IsType<string>(await StartAsync());
        (await world.SignInAsync("admin", world.OneTimePassword)).Is(401, "wrong-credentials");
        (await world.SignInAsync("admin", another)).Is(403, "password-change-required");
        (await world.PutAsync("/api/v1/users/me/password", null,
            new { user = "admin", password = another, newPassword = "something of my own" })).Is(204);
        Assert.Null(await StartAsync());
        (await world.SignInAsync("admin", "something of my own")).Is(201);

        Task<string?> StartAsync() => FirstAdministrator.EnsureAsync(world.Changes, world.Passwords, CancellationToken.None);
    }

    [Fact]
    public async Task No_start_gives_a_password_where_somebody_else_can()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.UserAsync("ada", isAdministrator: true);
        Assert.Null(await FirstAdministrator.EnsureAsync(world.Changes, world.Passwords, CancellationToken.None));
        (await world.SignInAsync("admin", world.OneTimePassword)).Is(403, "password-change-required");
    }

    [Fact]
    public async Task A_new_password_ends_sessions_and_not_the_tokens_of_programs()
    {
        await using var world = await PortalWorld.MakeAsync();
        var user = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var session = await world.SessionAsync(user, world.Project);
        var (_, program) = await world.TokenAsync(user, world.Project);
        (await world.PutAsync("/api/v1/users/me/password", null,
            new { user = "ada", password = PortalWorld.Password, newPassword = "quite another one" })).Is(204);
        (await world.GetAsync("/api/v1/users/me", session)).Is(401, "wrong-credentials");
        (await world.GetAsync("/api/v1/users/me", program)).Is(200);
    }

    [Fact]
    public async Task Who_is_disabled_is_out_at_once_and_cannot_sign_in()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        var user = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var session = await world.SessionAsync(user, world.Project);
        var (_, program) = await world.TokenAsync(user, world.Project);
        var read = (await world.GetAsync($"/api/v1/users/{user}", admin)).Is(200);
        var disabled = (await world.PutAsync($"/api/v1/users/{user}", admin, new { disabled = true, administrator = false },
            ("If-Match", read.ETag))).Is(200);
        (await world.GetAsync("/api/v1/users/me", session)).Is(401, "wrong-credentials");
        (await world.GetAsync("/api/v1/users/me", program)).Is(401, "wrong-credentials");
        (await world.SignInAsync("ada")).Is(401, "wrong-credentials");
        (await world.PutAsync($"/api/v1/users/{user}", admin, new { disabled = false, administrator = false },
            ("If-Match", disabled.ETag))).Is(200);
        (await world.GetAsync("/api/v1/users/me", session)).Is(401, "wrong-credentials");
        (await world.SignInAsync("ada")).Is(201);
    }

    [Fact]
    public async Task An_administrator_gives_a_password_that_has_to_be_changed()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        var made = (await world.PostAsync("/api/v1/users", admin, new { name = "ada" })).Is(201);
        (await world.SignInAsync("ada", made["oneTimePassword"]!)).Is(403, "password-change-required");
        var again = (await world.PostAsync($"/api/v1/users/{made["id"]}/reset-password", admin, new { })).Is(200);
        (await world.SignInAsync("ada", made["oneTimePassword"]!)).Is(401, "wrong-credentials");
        (await world.SignInAsync("ada", again["oneTimePassword"]!)).Is(403, "password-change-required");
    }

    [Fact]
    public async Task The_last_administrator_stays()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        var path = $"/api/v1/users/{world.Admin}";
        var read = await world.GetAsync(path, admin);
        (await world.PutAsync(path, admin, new { disabled = false, administrator = false }, ("If-Match", read.ETag)))
            .Is(409, "last-administrator");
        await world.UserAsync("second", isAdministrator: true);
        (await world.PutAsync(path, admin, new { disabled = false, administrator = false }, ("If-Match", read.ETag))).Is(200);
    }

    [Fact]
    public async Task Who_is_in_several_projects_names_one()
    {
        await using var world = await PortalWorld.MakeAsync();
        var other = await world.ProjectAsync("other");
        await world.ProjectAsync("third");
        var user = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        await world.SaveAsync(new Membership(other, user, BuiltInRoles.ReadOnlyAccess));
        (await world.SignInAsync("ada")).Is(400, "wrong-input", "project");
        Assert.Equal(other.ToString(), (await world.SignInAsync("ada", project: "other")).Is(201)["project"]);
        (await world.SignInAsync("ada", project: "third")).Is(400, "wrong-input", "project");
        (await world.SignInAsync("ada", project: "nowhere")).Is(400, "wrong-input", "project");
    }

    [Fact]
    public async Task Whom_nobody_let_into_a_project_gets_no_session()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.UserAsync("ada");
        (await world.SignInAsync("ada")).Is(403, "permission-needed");
    }

    [Fact]
    public async Task Five_failures_stop_a_user_for_a_while_and_tell_nothing_about_him()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        await world.UserAsync("bob", world.Project, BuiltInRoles.Operator);
        foreach (var name in new[] { "ada", "nobody" })
        {
            var first = (await world.SignInAsync(name, "wrong")).Is(401, "wrong-credentials");
            for (var i = 1; i < SignInThrottle.FailuresMaxOfUserFromAddress; i++)
                Assert.Equal(first.Text, (await world.SignInAsync(name, "wrong")).Text);
            var stopped = (await world.SignInAsync(name)).Is(429, "too-many-requests");
            Assert.Equal("900", stopped.Headers["Retry-After"]);
        }
        (await world.SignInAsync("bob")).Is(201);
        world.Clock.Advance(SignInThrottle.Window);
        (await world.SignInAsync("ada")).Is(201);
    }

    [Fact]
    public void Many_attempts_at_once_are_counted_before_they_are_looked_at()
    {
        var throttle = new SignInThrottle(new Microsoft.Extensions.Time.Testing.FakeTimeProvider());
        var address = System.Net.IPAddress.Parse("2001:db8::1");
        for (var i = 0; i < SignInThrottle.FailuresMaxOfUserFromAddress; i++) Assert.Null(throttle.Begin("ada", address));
        Assert.NotNull(throttle.Begin("ada", System.Net.IPAddress.Parse("2001:db8::2")));
        throttle.Succeed("ada", address);
        Assert.Null(throttle.Begin("ada", address));
        Assert.Null(throttle.Begin("ada", System.Net.IPAddress.Parse("2001:db8:0:1::1")));
    }

    [Fact]
    public void An_address_and_a_user_have_limits_of_their_own()
    {
        var ofAddress = new SignInThrottle(new Microsoft.Extensions.Time.Testing.FakeTimeProvider());
        for (var i = 0; i < SignInThrottle.FailuresMaxOfAddress; i++)
            Assert.Null(ofAddress.Begin($"user{i}", System.Net.IPAddress.Loopback));
        Assert.NotNull(ofAddress.Begin("another", System.Net.IPAddress.Loopback));

        var ofUser = new SignInThrottle(new Microsoft.Extensions.Time.Testing.FakeTimeProvider());
        for (byte i = 0; i < SignInThrottle.FailuresMaxOfUser; i++)
            Assert.Null(ofUser.Begin("ada", new System.Net.IPAddress([192, 0, 2, i])));
        Assert.NotNull(ofUser.Begin("ada", new System.Net.IPAddress([198, 51, 100, 1])));
    }

    [Fact]
    public void An_unknown_user_is_compared_with_a_hash_too()
    {
        var passwords = new Passwords(1);
        Assert.False(passwords.AreRight(null, PortalWorld.Password));
        var user = new User(default, "ada", passwords.Hash(PortalWorld.Password), false, default);
        Assert.True(passwords.AreRight(user, PortalWorld.Password));
        Assert.False(passwords.AreRight(user, "another"));
    }
}
