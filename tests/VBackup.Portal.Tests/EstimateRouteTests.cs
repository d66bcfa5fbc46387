using VBackup.Contracts.Messages;
using VBackup.Portal.Locations;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>The estimate over the API.</summary>
public sealed class EstimateRouteTests
{
    const string Path = "/api/v1/servers/hn1/id-of-web/estimate";

    [Fact]
    public async Task A_server_without_points_is_estimated_by_what_is_allocated()
    {
        await using var world = await PortalWorld.MakeAsync();
        await world.ServerAsync();
        var session = await world.MemberAsync();
        (await world.GetAsync(Path, session)).Is(409, "no-default-location");
        await world.LocationAsync();
        var answer = (await world.GetAsync(Path, session)).Is(200).Json;
        // One disk of 1 MiB that is allocated, and one of 1 GiB of which nobody says that.
        Assert.Equal((1L << 20) + (1L << 30), answer.GetProperty("full").GetProperty("readBytes").GetInt64());
        Assert.Equal("allocated", answer.GetProperty("full").GetProperty("basis").GetString());
        Assert.Equal(("null", "null"), (answer.GetProperty("incremental").GetRawText(),
            answer.GetProperty("full").GetProperty("fits").GetRawText()));
    }

    [Fact]
    public async Task Points_at_the_location_teach_it_and_the_quota_is_looked_at()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        await world.PointAsync(server, location);
        var other = new LocationRow(world.Ids.New<Contracts.Ids.LocationId>());
        other.Changes(new(other.Id, 1, world.Project, Things.Region, "small", LocationKindView.FileSystem, "/srv/small", null,
            LocationStateView.Ready, null, false, false, 1 << 20, 7, 0, null, null));
        await world.SaveAsync(other);
        var session = await world.MemberAsync();
        var here = (await world.GetAsync(Path, session)).Is(200).Json;
        Assert.Equal("history", here.GetProperty("full").GetProperty("basis").GetString());
        Assert.Equal(((1L << 20) + (1L << 30)) / 2, here.GetProperty("full").GetProperty("storedBytes").GetInt64());
        Assert.Equal("tenthOfFull", here.GetProperty("incremental").GetProperty("basis").GetString());
        var there = (await world.GetAsync($"{Path}?location={other.Id}", session)).Is(200).Json;
        Assert.Equal(("allocated", false), (there.GetProperty("full").GetProperty("basis").GetString(),
            there.GetProperty("full").GetProperty("fits").GetBoolean()));
        (await world.GetAsync($"{Path}?location={world.Ids.New<Contracts.Ids.LocationId>()}", session)).Is(400, "wrong-input", "location");
        (await world.GetAsync($"{Path}?location=x", session)).Is(400, "wrong-input", "location");
    }

    [Fact]
    public async Task What_a_plan_does_not_include_counts_nothing()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (server, location) = (await world.ServerAsync(), await world.LocationAsync());
        var session = await world.MemberAsync();
        await world.SystemPoliciesAsync();
        (await world.PostAsync("/api/v1/plans", session, new { server, location, volumes = new[] { "vda" }, includesLater = false }))
            .Is(201);
        var answer = (await world.GetAsync(Path, session)).Is(200).Json;
        Assert.Equal(1L << 20, answer.GetProperty("full").GetProperty("readBytes").GetInt64());
        Assert.Equal("[\"vda\"]", answer.GetProperty("volumes").GetRawText());
    }
}
