using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed partial class ApiDocumentTests
{
    [Fact]
    public async Task The_document_describes_every_route_with_who_may_use_it()
    {
        await using var world = await PortalWorld.MakeAsync();
        var document = (await world.GetAsync("/openapi/v1.json", null)).Is(200).Json;
        var paths = document.GetProperty("paths");
        var described = paths.EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(_ => path.Name)).Count();
        Assert.Equal(world.Routes.Count(route => route.RoutePattern.RawText!.StartsWith("/api/", StringComparison.Ordinal)), described);
        var create = paths.GetProperty("/api/v1/roles").GetProperty("post");
        Assert.Equal("Needs the permission ManageAccess.", create.GetProperty("description").GetString());
        Assert.Equal(["Idempotency-Key"], Names(create));
        Assert.Equal(1, create.GetProperty("security").GetArrayLength());
        Assert.Equal(["name", "user", "limit", "cursor", "sort"], Names(paths.GetProperty("/api/v1/tokens").GetProperty("get")));
        Assert.Equal(["name", "If-Match"], Names(paths.GetProperty("/api/v1/roles/{name}").GetProperty("put")));
        Assert.False(paths.GetProperty("/api/v1/sessions").GetProperty("post").TryGetProperty("security", out _));
    }

    [Fact]
    public async Task Each_operation_has_a_name_of_its_own()
    {
        await using var world = await PortalWorld.MakeAsync();
        var document = (await world.GetAsync("/openapi/v1.json", null)).Is(200).Json;
        var names = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .Select(operation => operation.Value.GetProperty("operationId").GetString()!).ToList();
        Assert.Equal(names.Count, names.Distinct(StringComparer.Ordinal).Count());
        Assert.All(names, name => Assert.Matches("^(get|post|put|patch|delete)[A-Z][A-Za-z0-9]+$", name));
        Assert.Contains("getServersByRegionByServerId", names);
        Assert.DoesNotContain("none", document.GetProperty("components").GetProperty("schemas").GetProperty("WeekdayOfMonth")
            .GetProperty("properties").GetProperty("day").ToString(), StringComparison.Ordinal);
    }

    /// <summary>Also of what comes later: made from the whole document.</summary>
    [Fact]
    public async Task Every_value_has_a_type_and_what_may_be_left_out_is_not_said_to_be_needed()
    {
        await using var world = await PortalWorld.MakeAsync();
        var document = (await world.GetAsync("/openapi/v1.json", null)).Is(200).Json;
        List<string> wrong = [];
        var schemas = SchemasIn(document, "").ToList();
        foreach (var (path, schema) in schemas)
        {
            if (!s_kinds.Any(kind => schema.TryGetProperty(kind, out _))) wrong.Add($"{path} has no type: {schema}");
            // A member that may be null says so beside the name; a second null there would make every null refused, as two fit.
            if (path.StartsWith("/components/schemas/", StringComparison.Ordinal) && path.Count(letter => letter == '/') == 3
                && IsNullable(schema)) wrong.Add($"{path} has a name and is null itself");
            if (schema.TryGetProperty("enum", out _) && !schema.TryGetProperty("type", out _)) wrong.Add($"{path} has no type: {schema}");
            foreach (var name in RequiredOf(schema))
                if (IsNullable(schema.GetProperty("properties").GetProperty(name))) wrong.Add($"{path} needs {name}, which may be null");
        }
        Assert.Empty(wrong);
        Assert.InRange(schemas.Count, 500, 10_000);

        var all = document.GetProperty("components").GetProperty("schemas");
        foreach (var operation in document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()))
        {
            var refusal = operation.Value.GetProperty("responses").GetProperty("default").GetProperty("content")
                .GetProperty("application/problem+json").GetProperty("schema");
            Assert.Equal(["title", "status", "detail", "code"], RequiredOf(Followed(document, refusal)));
        }
        Assert.Equal(["name", "region", "kind", "address"], RequiredOf(all.GetProperty("NewLocationRequest")));
        Assert.Equal([], RequiredOf(all.GetProperty("PlanRequest")));
        var plan = all.GetProperty("PlanView");
        Assert.DoesNotContain("pausedBecause", RequiredOf(plan));
        Assert.Contains("isEnabled", RequiredOf(plan));
        Assert.Equal("uuid", Followed(document, plan.GetProperty("properties").GetProperty("id")).GetProperty("format").GetString());
        Assert.Equal("string", plan.GetProperty("properties").GetProperty("note").GetProperty("type").GetString());
    }

    [Fact]
    public async Task What_a_route_says_is_missing_is_needed_by_the_document()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.SessionAsync(
            await world.UserAsync("everything", world.Project, BuiltInRoles.FullAccess, isAdministrator: true), world.Project);
        var document = (await world.GetAsync("/openapi/v1.json", null)).Is(200).Json;
        List<string> wrong = [];
        var asked = 0;
        foreach (var path in document.GetProperty("paths").EnumerateObject())
            foreach (var method in path.Value.EnumerateObject().Where(one => one.Value.TryGetProperty("requestBody", out _)))
            {
                var content = method.Value.GetProperty("requestBody").GetProperty("content").GetProperty("application/json");
                var needed = RequiredOf(Followed(document, content.GetProperty("schema")));
                var answer = await world.SendAsync(new(method.Name.ToUpperInvariant()),
                    path.Name.Replace("{id}", AnyId, StringComparison.Ordinal).Replace("{user}", AnyId, StringComparison.Ordinal)
                        .Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal),
                    session, JsonContent.Create(new { }), ("If-Match", "*"));
                var missing = answer is { Status: 400, Code: "wrong-input" } ? answer["field"]!.Split('.')[0] : null;
                asked++;
                // Where one of two is needed, neither of them is by itself.
                if (missing is null ? needed.Count > 0 && answer.Status is not (401 or 404)
                    : !needed.Contains(missing) && missing != "server")
                    wrong.Add($"{method.Name} {path.Name} needs {string.Join(", ", needed)} and says {answer.Status} {answer.Text}");
            }
        Assert.Empty(wrong);
        Assert.InRange(asked, 20, 200);
    }

    const string AnyId = "0190a000-0000-7000-8000-000000000001";
    static readonly string[] s_kinds = ["type", "$ref", "oneOf", "anyOf", "allOf"];

    static JsonElement Followed(JsonElement document, JsonElement schema) => schema.TryGetProperty("oneOf", out var either)
        ? Followed(document, either.EnumerateArray().First(one => one.TryGetProperty("$ref", out _)))
        : schema.TryGetProperty("$ref", out var name)
            ? document.GetProperty("components").GetProperty("schemas").GetProperty(name.GetString()!.Split('/')[^1]) : schema;

    static List<string> RequiredOf(JsonElement schema) => schema.TryGetProperty("required", out var required)
        ? [.. required.EnumerateArray().Select(one => one.GetString()!)] : [];

    static bool IsNullable(JsonElement schema) =>
        schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.Array
            && type.EnumerateArray().Any(one => one.GetString() == "null")
        || schema.TryGetProperty("oneOf", out var either) && either.EnumerateArray().Any(IsNull);

    static bool IsNull(JsonElement schema) => schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String
        && type.GetString() == "null";

    /// <summary>All schemas, and those within them.</summary>
    static IEnumerable<(string Path, JsonElement Schema)> SchemasIn(JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    var at = $"{path}/{member.Name}";
                    if (member.Name is "schema" or "items") yield return (at, member.Value);
                    if (member.Name is "properties" || member.Name is "schemas" && path == "/components")
                        foreach (var one in member.Value.EnumerateObject()) yield return ($"{at}/{one.Name}", one.Value);
                    foreach (var inner in SchemasIn(member.Value, at)) yield return inner;
                }
                break;
            case JsonValueKind.Array:
                foreach (var one in element.EnumerateArray())
                    foreach (var inner in SchemasIn(one, path)) yield return inner;
                break;
        }
    }

    [Fact]
    public async Task The_page_loads_nothing_from_elsewhere()
    {
        await using var world = await PortalWorld.MakeAsync();
        var page = (await world.GetAsync("/docs/index.html", null)).Is(200);
        Assert.Equal("text/html", page.MediaType);
        var sources = Source().Matches(page.Text).Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(sources);
        foreach (var source in sources)
        {
            Assert.DoesNotContain("//", source, StringComparison.Ordinal);
            (await world.GetAsync("/docs/" + source.TrimStart('.', '/'), null)).Is(200);
        }
    }

    static IEnumerable<string> Names(JsonElement operation) =>
        operation.GetProperty("parameters").EnumerateArray().Select(one => one.GetProperty("name").GetString()!);

    [GeneratedRegex("""(?:src|href)=["']([^"']+)["']""")]
    private static partial Regex Source();
}
