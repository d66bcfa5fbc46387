using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class TokenTests
{
    [Fact]
    public async Task A_token_is_told_once_and_kept_as_a_digest()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync("/api/v1/tokens", session, new { name = "nightly script" })).Is(201);
        var text = made["token"]!;
        Assert.Equal(("vb_", 46), (text[..3], text.Length));
        (await world.GetAsync("/api/v1/users/me", text)).Is(200);
        var list = (await world.GetAsync("/api/v1/tokens", session)).Is(200);
        Assert.Contains("nightly script", list.Items("name"));
        Assert.DoesNotContain(text, list.Text, StringComparison.Ordinal);
        await using var db = world.Db();
        var row = await db.Set<ApiToken>().SingleAsync(one => one.Name == "nightly script");
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(text)), row.Digest);
    }

    [Fact]
    public async Task A_token_ends_when_it_says()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var expiresAt = world.Clock.GetUtcNow().AddMinutes(5);
        var text = (await world.PostAsync("/api/v1/tokens", session, new { name = "short", expiresAt })).Is(201)["token"];
        world.Clock.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromTicks(1));
        (await world.GetAsync("/api/v1/users/me", text)).Is(200);
        world.Clock.Advance(TimeSpan.FromTicks(1));
        (await world.GetAsync("/api/v1/users/me", text)).Is(401, "wrong-credentials");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(367)]
    public async Task A_token_ends_within_a_year(int days)
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var expiresAt = world.Clock.GetUtcNow().AddDays(days);
        (await world.PostAsync("/api/v1/tokens", session, new { name = "x", expiresAt })).Is(400, "wrong-input", "expiresAt");
    }

    [Fact]
    public async Task A_revoked_token_lets_nobody_in()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync("/api/v1/tokens", session, new { name = "script" })).Is(201);
        (await world.DeleteAsync($"/api/v1/tokens/{made["id"]}", session)).Is(204);
        (await world.GetAsync("/api/v1/users/me", made["token"])).Is(401, "wrong-credentials");
    }

    [Fact]
    public async Task A_token_makes_no_tokens()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (_, text) = await world.TokenAsync(await world.UserAsync("ada", world.Project, BuiltInRoles.FullAccess), world.Project);
        (await world.PostAsync("/api/v1/tokens", text, new { name = "child" })).Is(403, "session-needed");
    }

    [Fact]
    public async Task Members_see_their_own_tokens_and_who_manages_access_sees_all()
    {
        await using var world = await PortalWorld.MakeAsync();
        var full = await world.MemberAsync(name: "full");
        var ada = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var bob = await world.UserAsync("bob", world.Project, BuiltInRoles.Operator);
        var session = await world.SessionAsync(ada, world.Project);
        var (token, text) = await world.TokenAsync(bob, world.Project);
        Assert.Equal(["ada"], (await world.GetAsync("/api/v1/tokens", session)).Items("user"));
        (await world.DeleteAsync($"/api/v1/tokens/{token}", session)).Is(404, "not-found");
        Assert.Equal(["ada", "bob", "full"], (await world.GetAsync("/api/v1/tokens", full)).Items("user").Order());
        Assert.Equal(["bob"], (await world.GetAsync("/api/v1/tokens?user=bob", full)).Items("user"));
        (await world.DeleteAsync($"/api/v1/tokens/{token}", full)).Is(204);
        (await world.GetAsync("/api/v1/users/me", text)).Is(401, "wrong-credentials");
    }

    [Fact]
    public async Task The_last_use_is_known_to_ten_minutes()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (token, text) = await world.TokenAsync(await world.UserAsync("ada", world.Project, BuiltInRoles.Operator), world.Project);
        var first = world.Clock.GetUtcNow();
        foreach (var (pause, expected) in new[] { (0, first), (9, first), (1, first.AddMinutes(10)) })
        {
            world.Clock.Advance(TimeSpan.FromMinutes(pause));
            (await world.GetAsync("/api/v1/users/me", text)).Is(200);
            await using var db = world.Db();
            Assert.Equal(expected, (await db.Set<ApiToken>().SingleAsync(one => one.Id == token)).LastUsedAt);
        }
    }

    [Theory]
    [InlineData("Basic YWRtaW46YWRtaW4=")]
    [InlineData("Bearer")]
    [InlineData("Bearer vb_AAAA")]
    public async Task What_is_no_token_lets_nobody_in(string header)
    {
        await using var world = await PortalWorld.MakeAsync();
        (await world.SendAsync(HttpMethod.Get, "/api/v1/users/me", null, null, ("Authorization", header))).Is(401, "wrong-credentials");
    }
}
