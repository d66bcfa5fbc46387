using System.Net.Http.Json;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>What every route asks of a body, also those that come later: made from the routes that there are.</summary>
public sealed class BodyTests
{
    const string AnyId = "0190a000-0000-7000-8000-000000000001";

    [Fact]
    public async Task A_member_that_is_not_known_is_refused_by_every_route()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await EverythingAsync(world);
        List<string> wrong = [];
        foreach (var (method, path, _) in RoutesOf(world))
            wrong.AddRange(await FaultsAsync(world, method, path, session, new { nobodyKnowsThis = 1 }, "nobodyKnowsThis"));
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task A_parameter_that_is_not_known_is_refused_by_every_route()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await EverythingAsync(world);
        List<string> wrong = [];
        foreach (var (method, path, _) in RoutesOf(world, "GET"))
        {
            wrong.AddRange(await FaultsAsync(world, method, path + "?nobodyKnowsThis=1", session, new { }, "nobodyKnowsThis"));
            // Names of a handler's other parameters are known to nobody but us.
            wrong.AddRange(await FaultsAsync(world, method, path + "?http=1", session, new { }, "http"));
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task A_parameter_that_is_given_twice_is_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await EverythingAsync(world);
        (await world.GetAsync("/api/v1/plans?limit=1&limit=2", session)).Is(400, "wrong-input", "limit");
        (await world.GetAsync($"/api/v1/servers/hn1/web/estimate?location={AnyId}&location={AnyId}", session))
            .Is(400, "wrong-input", "location");
    }

    [Fact]
    public async Task A_text_with_a_line_break_is_refused_by_every_route()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await EverythingAsync(world);
        List<string> wrong = [];
        var asked = 0;
        foreach (var (method, path, body) in RoutesOf(world).Where(route => route.Body is not null))
            foreach (var (field, json) in TextsOf(body!, "", depth: 0))
            {
                asked++;
                wrong.AddRange(await FaultsAsync(world, method, path, session, json, field));
            }
        Assert.Empty(wrong);
        Assert.InRange(asked, 40, 400);
    }

    /// <summary>Values that nobody knows must not pass for those that are left over.</summary>
    [Fact]
    public async Task A_value_of_an_enumeration_is_one_of_its_names_for_every_route()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await EverythingAsync(world);
        List<string> wrong = [];
        var asked = 0;
        foreach (var (method, path, body) in RoutesOf(world).Where(route => route.Body is not null))
            foreach (var member in body!.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                if ((Nullable.GetUnderlyingType(member.PropertyType) ?? member.PropertyType) is { IsEnum: true } type)
                    foreach (var value in NoNamesOf(type))
                    {
                        asked++;
                        var name = JsonNamingPolicy.CamelCase.ConvertName(member.Name);
                        wrong.AddRange(await FaultsAsync(world, method, path, session, new Dictionary<string, object> { [name] = value },
                            name));
                    }
        Assert.Empty(wrong);
        Assert.InRange(asked, 20, 400);
    }

    static IEnumerable<object> NoNamesOf(Type type)
    {
        var names = Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(value =>
            JsonSerializer.SerializeToElement(Enum.ToObject(type, value), type).GetString()!).ToList();
        return [0, 1, 77, -1, "1", string.Join(", ", names), names[0].ToUpperInvariant() + " "];
    }

    /// <summary>By the server itself: what is sent goes by the reader that users meet.</summary>
    [Theory]
    [InlineData("application/json", 401)]
    [InlineData("application/json;charset=utf-8", 401)]
    [InlineData("application/json; charset=\"UTF-8\"", 401)]
    [InlineData("application/json;charset=nope", 415)]
    [InlineData("application/json;charset=", 415)]
    [InlineData("application/json;charset=utf-7", 415)]
    [InlineData("text/plain", 415)]
    public async Task What_is_sent_is_JSON_in_UTF_8(string type, int status)
    {
        await using var world = await PortalWorld.MakeAsync(overNetwork: true);
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("{\"user\":\"nobody\",\"password\":\"a wrong password\"}"));
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        (await world.SendAsync(HttpMethod.Post, "/api/v1/sessions", null, content))
            .Is(status, status == 415 ? "wrong-media-type" : "wrong-credentials");
    }

    [Theory]
    [InlineData("[1]", "body")]
    [InlineData("{\"\\ud800\":1}", "body")]
    [InlineData("7", "body")]
    [InlineData("{\"kind\":", "body")]
    [InlineData("{\"kind\":\"incremental\"}", "kind")]
    public async Task A_route_that_reads_no_body_says_what_it_does_not_expect(string body, string field)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, "/api/v1/servers/hn1/nobody/backups", await world.MemberAsync(), content))
            .Is(400, "wrong-input", field);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    public async Task A_route_that_reads_no_body_takes_one_that_says_nothing(string? body)
    {
        await using var world = await PortalWorld.MakeAsync();
        using var content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        (await world.SendAsync(HttpMethod.Post, "/api/v1/servers/hn1/nobody/backups", await world.MemberAsync(), content))
            .Is(404, "not-found");
    }

    /// <summary>Of somebody whom every route lets in.</summary>
    static async Task<string> EverythingAsync(PortalWorld world) => await world.SessionAsync(
        await world.UserAsync("everything", world.Project, BuiltInRoles.FullAccess, isAdministrator: true), world.Project);

    static async Task<IEnumerable<string>> FaultsAsync(
        PortalWorld world, string method, string path, string session, object body, string field)
    {
        var answer = await world.SendAsync(new HttpMethod(method), path, session, JsonContent.Create(body), ("If-Match", "*"));
        return answer.Status == 400 && answer.Code == "wrong-input" && answer["field"] == field ? []
            : [$"{method} {path} says {answer.Status} {answer.Text} to {field}"];
    }

    /// <param name="also">Methods beside those that change something.</param>
    static IEnumerable<(string Method, string Path, Type? Body)> RoutesOf(PortalWorld world, params string[] also) =>
        from route in world.Routes
        let pattern = "/" + route.RoutePattern.RawText!.Trim('/')
        where pattern.StartsWith("/api/", StringComparison.Ordinal)
        from method in route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods
        where method is "POST" or "PUT" or "PATCH" or "DELETE" || also.Contains(method)
        select (method, pattern.Replace("{id:guid}", AnyId, StringComparison.Ordinal)
            .Replace("{user:guid}", AnyId, StringComparison.Ordinal).Replace("{", "", StringComparison.Ordinal)
            .Replace("}", "", StringComparison.Ordinal), route.Metadata.GetMetadata<IAcceptsMetadata>()?.RequestType);

    /// <summary>A body for each text that one of this type may have, with a line break in it.</summary>
    static IEnumerable<(string Field, object Body)> TextsOf(Type type, string within, int depth)
    {
        const string broken = "first\nsecond";
        foreach (var member in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(one => one.SetMethod is not null))
        {
            var name = JsonNamingPolicy.CamelCase.ConvertName(member.Name);
            if (member.PropertyType == typeof(string)) yield return Within(name, broken);
            else if (typeof(IEnumerable<string>).IsAssignableFrom(member.PropertyType)) yield return Within(name, new[] { broken }, "[0]");
            else if (depth == 0 && member.PropertyType.Name.EndsWith("Request", StringComparison.Ordinal))
                foreach (var (field, inner) in TextsOf(member.PropertyType, "", depth + 1))
                    yield return ($"{name}.{field}", new Dictionary<string, object> { [name] = inner });
        }

        (string, object) Within(string name, object value, string behind = "") =>
            (within + name + behind, new Dictionary<string, object> { [name] = value });
    }
}
