using System.Text.Json;
using System.Text.RegularExpressions;
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
