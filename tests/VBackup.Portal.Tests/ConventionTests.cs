using System.Net.Http.Headers;
using System.Text;
using Microsoft.EntityFrameworkCore;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>What holds for every route.</summary>
public sealed class ConventionTests
{
    [Fact]
    public async Task A_refusal_is_a_problem_with_a_code()
    {
        await using var world = await PortalWorld.MakeAsync();
        var answer = await world.GetAsync("/api/v1/users/me", null);
        Assert.Equal((401, "application/problem+json", "Bearer"), (answer.Status, answer.MediaType, answer.Headers["WWW-Authenticate"]));
        Assert.Equal("{\"title\":\"Sign in, or show a token.\",\"status\":401,"
            + "\"detail\":\"Send an Authorization header with a bearer token.\","
            + "\"code\":\"credentials-needed\"}", answer.Text);
        (await world.GetAsync("/api/v1/nothing", null)).Is(404, "not-found");
        Assert.Equal("no-store", (await world.DeleteAsync("/api/v1/sessions", null)).Is(405, "method-not-allowed")
            .Headers["Cache-Control"]);
    }

    [Theory]
    [InlineData("{\"name\":5}", "name")]
    [InlineData("{\"name\":\"x\",\"nmae\":\"y\"}", "nmae")]
    [InlineData("{\"name\":\"x\",\"expiresAt\":\"tomorrow\"}", "expiresAt")]
    [InlineData("{\"name\":\"x\",\"name\":\"y\"}", "name")]
    [InlineData("{\"name\":", "name")]
    [InlineData("{}", "name")]
    [InlineData("nonsense", "body")]
    [InlineData("null", "body")]
    [InlineData("", "body")]
    public async Task Wrong_JSON_is_refused_by_the_name_of_the_field(string body, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, "/api/v1/tokens", await world.MemberAsync(), content)).Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task A_body_that_is_no_JSON_is_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent("name=x", Encoding.UTF8, "application/x-www-form-urlencoded");
        (await world.SendAsync(HttpMethod.Post, "/api/v1/tokens", await world.MemberAsync(), content)).Is(415, "wrong-media-type");
    }

    [Theory]
    [InlineData("GET /api/v1/servers/local/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET /api/v1/users/me HTTP/1.1\r\nno header\r\n\r\n", 400)]
    [InlineData("nonsense\r\n\r\n", 400)]
    [InlineData("GET /api/v1/users/me HTTP/9.9\r\nHost: x\r\n\r\n", 505)]
    public async Task What_is_no_request_is_a_problem_too(string request, int status)
    {
        await using var world = await PortalWorld.MakeAsync(overNetwork: true);
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync(System.Net.IPAddress.Loopback, world.Client.BaseAddress!.Port);
        await using var stream = client.GetStream();
        // One that is good before it is answered as ever.
        await stream.WriteAsync(Encoding.ASCII.GetBytes("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" + request));
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var answers = (await reader.ReadToEndAsync()).Split("HTTP/1.1 ", StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("200 ", answers[0], StringComparison.Ordinal);
        Assert.StartsWith($"{status} ", answers[1], StringComparison.Ordinal);
        Assert.Equal(2, answers.Length);
        Assert.Contains("Content-Type: application/problem+json\r\n", answers[1], StringComparison.Ordinal);
        Assert.EndsWith("\"code\":\"wrong-input\",\"field\":\"request\"}", answers[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_has_one_mebibyte_at_most(bool isChunked)
    {
        await using var world = await PortalWorld.MakeAsync(overNetwork: true);
        var session = await world.MemberAsync();
        // The frames of the chunks count too.
        (await SendAsync(isChunked ? PortalApi.BodyBytesMax / 2 : PortalApi.BodyBytesMax)).Is(400, "wrong-input", "name");
        (await SendAsync(PortalApi.BodyBytesMax + 1)).Is(413, "body-too-large");

        async Task<Answer> SendAsync(long size)
        {
            var bytes = Encoding.UTF8.GetBytes("{\"name\":\"".PadRight((int)size - 2, 'x') + "\"}");
            using var content = new StreamContent(new MemoryStream(bytes));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            content.Headers.ContentLength = isChunked ? null : bytes.Length;
            return await world.SendAsync(HttpMethod.Post, "/api/v1/tokens", session, content,
                isChunked ? [("Transfer-Encoding", "chunked")] : []);
        }
    }

    [Fact]
    public async Task Asking_twice_with_one_key_makes_one()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var first = (await world.PostAsync("/api/v1/roles", session, NewRole("a"), ("Idempotency-Key", "k1"))).Is(201);
        var second = (await world.PostAsync("/api/v1/roles", session, NewRole("a"), ("Idempotency-Key", "k1"))).Is(201);
        Assert.Equal((first.Text, first.Headers["Location"], first.ETag), (second.Text, second.Headers["Location"], second.ETag));
        Assert.Equal((false, "true"), (first.Headers.ContainsKey("Idempotency-Replayed"), second.Headers["Idempotency-Replayed"]));
        (await world.PostAsync("/api/v1/roles", session, NewRole("b"), ("Idempotency-Key", "k1")))
            .Is(422, "idempotency-key-reused", "Idempotency-Key");
        Assert.Single((await world.GetAsync("/api/v1/audit?action=createRole", session)).Items("target"));
        world.Clock.Advance(RememberedCreation.Kept - TimeSpan.FromHours(13));
        (await world.PostAsync("/api/v1/roles", session, NewRole("b"), ("Idempotency-Key", "k1"))).Is(422, "idempotency-key-reused");
        world.Clock.Advance(TimeSpan.FromHours(13));
        var later = await world.SignInAsync("member");
        (await world.PostAsync("/api/v1/roles", later["token"], NewRole("b"), ("Idempotency-Key", "k1"))).Is(201);
    }

    [Fact]
    public async Task Asking_twice_at_once_makes_one()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(_ => world.PostAsync("/api/v1/tokens", session, new { name = "script" }, ("Idempotency-Key", "k"))));
        Assert.All(answers, answer => answer.Is(201));
        Assert.Single(answers.Select(answer => answer["id"]).Distinct());
        Assert.Single(answers, answer => answer["token"] is not null);
        await using var db = world.Db();
        Assert.Equal(1, await db.Set<ApiToken>().CountAsync(one => one.Name == "script"));
    }

    [Fact]
    public async Task A_key_is_its_callers_and_its_routes_own()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (one, two) = (await world.MemberAsync(name: "one"), await world.MemberAsync(name: "two"));
        (await world.PostAsync("/api/v1/tokens", one, new { name = "x" }, ("Idempotency-Key", "k"))).Is(201);
        (await world.PostAsync("/api/v1/tokens", two, new { name = "y" }, ("Idempotency-Key", "k"))).Is(201);
        (await world.PostAsync("/api/v1/roles", one, NewRole("z"), ("Idempotency-Key", "k"))).Is(201);
        (await world.PostAsync("/api/v1/roles", one, NewRole("z"), ("Idempotency-Key", "two words")))
            .Is(400, "wrong-input", "Idempotency-Key");
    }

    [Fact]
    public async Task A_refused_creation_is_not_remembered()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        (await world.PostAsync("/api/v1/memberships", session, new { user = "ada", role = BuiltInRoles.Operator },
            ("Idempotency-Key", "k"))).Is(400, "wrong-input", "user");
        await world.UserAsync("ada");
        (await world.PostAsync("/api/v1/memberships", session, new { user = "ada", role = BuiltInRoles.Operator },
            ("Idempotency-Key", "k"))).Is(201);
    }

    [Fact]
    public async Task An_update_says_which_version_it_means()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync("/api/v1/roles", session, NewRole("a"))).Is(201);
        var body = new { permissions = new[] { "ListServer" } };
        (await world.PutAsync("/api/v1/roles/a", session, body)).Is(428, "version-needed", "If-Match");
        (await world.PutAsync("/api/v1/roles/a", session, body, ("If-Match", "\"7\""))).Is(412, "outdated", "If-Match");
        var changed = (await world.PutAsync("/api/v1/roles/a", session, body, ("If-Match", made.ETag))).Is(200);
        Assert.NotEqual(made.ETag, changed.ETag);
        Assert.Equal(changed.ETag, (await world.GetAsync("/api/v1/roles/a", session)).ETag);
        (await world.PutAsync("/api/v1/roles/a", session, body, ("If-Match", made.ETag))).Is(412, "outdated", "If-Match");
        (await world.DeleteAsync("/api/v1/roles/a", session, ("If-Match", made.ETag))).Is(412, "outdated", "If-Match");
        (await world.PutAsync("/api/v1/roles/a", session, body, ("If-Match", $"\"7\", {changed.ETag}"))).Is(200);
    }

    [Theory]
    [InlineData("name")]
    [InlineData("-name")]
    [InlineData("createdAt")]
    [InlineData("-expiresAt")]
    public async Task Pages_have_each_thing_once_in_order(string sort)
    {
        await using var world = await PortalWorld.MakeAsync();
        var user = await world.UserAsync("ada", world.Project, BuiltInRoles.Operator);
        var session = await world.SessionAsync(user, world.Project);
        // Two of each name and several of each instant, so that keys are equal across pages.
        for (var i = 0; i < 11; i++)
        {
            if (i % 4 == 0) world.Clock.Advance(TimeSpan.FromSeconds(1));
            (await world.PostAsync("/api/v1/tokens", session, new { name = $"token {i % 6}" })).Is(201);
        }
        var whole = (await world.GetAsync($"/api/v1/tokens?sort={sort}", session)).Is(200);
        Assert.Null(whole["next"]);
        var seen = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = (await world.GetAsync($"/api/v1/tokens?sort={sort}&limit=5{(cursor == "" ? "" : $"&cursor={cursor}")}", session))
                .Is(200);
            seen.AddRange(page.Items("id"));
            cursor = page["next"];
        }
        Assert.Equal(12, seen.Distinct().Count());
        Assert.Equal(whole.Items("id"), seen);
        var keys = whole.Items(sort.TrimStart('-')).ToList();
        var ordered = keys.Order(StringComparer.Ordinal).ToList();
        if (sort.StartsWith('-')) ordered.Reverse();
        Assert.Equal(ordered, keys);
    }

    [Fact]
    public async Task What_comes_or_goes_between_pages_neither_doubles_nor_hides()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        foreach (var name in new[] { "b", "c", "d", "e" }) (await world.PostAsync("/api/v1/roles", session, NewRole(name))).Is(201);
        var first = (await world.GetAsync("/api/v1/roles?limit=2", session)).Is(200);
        Assert.Equal(["b", "c"], first.Items("name"));
        (await world.DeleteAsync("/api/v1/roles/c", session)).Is(204);
        (await world.PostAsync("/api/v1/roles", session, NewRole("a"))).Is(201);
        Assert.Equal(["d", "e"], (await world.GetAsync($"/api/v1/roles?cursor={first["next"]}", session)).Items("name"));
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=201", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("sort=colour", "sort")]
    [InlineData("colour=red", "colour")]
    [InlineData("name=a&name=b", "name")]
    [InlineData("cursor=nonsense!", "cursor")]
    [InlineData("cursor=e30", "cursor")]
    public async Task A_list_names_the_parameter_that_is_wrong(string query, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        (await world.GetAsync($"/api/v1/tokens?{query}", await world.MemberAsync())).Is(400, "wrong-input", field);
    }

    [Fact]
    public async Task A_cursor_is_of_one_order_and_one_choice()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        for (var i = 0; i < 3; i++) (await world.PostAsync("/api/v1/tokens", session, new { name = "x" })).Is(201);
        var cursor = (await world.GetAsync("/api/v1/tokens?limit=1&name=x", session))["next"];
        (await world.GetAsync($"/api/v1/tokens?limit=1&name=x&cursor={cursor}", session)).Is(200);
        (await world.GetAsync($"/api/v1/tokens?limit=1&name=y&cursor={cursor}", session)).Is(400, "wrong-input", "cursor");
        (await world.GetAsync($"/api/v1/tokens?limit=1&name=x&sort=name&cursor={cursor}", session)).Is(400, "wrong-input", "cursor");
        var forged = System.Buffers.Text.Base64Url.EncodeToString(
            "{\"Order\":\"-createdAt\",\"Filters\":\"\",\"Keys\":{\"Key\":5,\"Unique\":[]}}"u8);
        (await world.GetAsync($"/api/v1/tokens?cursor={forged}", session)).Is(400, "wrong-input", "cursor");
    }

    [Fact]
    public async Task A_token_that_asks_too_often_waits_and_others_do_not()
    {
        await using var world = await PortalWorld.MakeAsync(
            new PortalApiOptions { RequestsAtOnceMax = 3, RequestsPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromHours(1) });
        var (one, two) = (await world.MemberAsync(name: "one"), await world.MemberAsync(name: "two"));
        for (var i = 0; i < 3; i++) (await world.GetAsync("/api/v1/users/me", one)).Is(200);
        var refused = (await world.GetAsync("/api/v1/users/me", one)).Is(429, "too-many-requests");
        Assert.True(int.Parse(refused.Headers["Retry-After"], null) >= 1);
        (await world.GetAsync("/api/v1/users/me", two)).Is(200);
        (await world.GetAsync("/health/live", null)).Is(200);
    }

    [Fact]
    public async Task The_Portal_says_that_it_lives_and_is_ready()
    {
        await using var world = await PortalWorld.MakeAsync();
        Assert.Equal("Healthy", (await world.GetAsync("/health/live", null)).Is(200).Text);
        Assert.Equal("Healthy", (await world.GetAsync("/health/ready", null)).Is(200).Text);
        await using (var db = world.Db()) await db.Database.ExecuteSqlRawAsync("DELETE FROM schema_version");
        Assert.Equal("Healthy", (await world.GetAsync("/health/live", null)).Is(200).Text);
        (await world.GetAsync("/health/ready", null)).Is(503);
    }

    static object NewRole(string name) => new { name, permissions = Array.Empty<string>() };
}
