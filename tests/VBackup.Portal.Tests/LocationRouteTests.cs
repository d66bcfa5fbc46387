using VBackup.Contracts.Ids;
using VBackup.Portal.Servers;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class LocationRouteTests
{
    const string Path = "/api/v1/locations";
    const string Secret = "nobody-reads-this";

    [Fact]
    public async Task A_location_is_made_once_for_each_key_changed_and_deleted_and_its_secret_is_never_told()
    {
        await using var world = await MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Bucket(), ("Idempotency-Key", "k"))).Is(201);
        var again = (await world.PostAsync(Path, session, Bucket(), ("Idempotency-Key", "k"))).Is(201);
        Assert.Equal((made["id"], Secret), (again["id"], Assert.Single(world.Locations.SecretKeys)));
        var path = made.Headers["Location"];
        var read = (await world.GetAsync(path, session)).Is(200);
        Assert.Equal(("far", "vStorage", "checking", "True"), (read["name"], read["kind"], read["state"], read["isDefault"]));
        Assert.Equal(["far"], (await world.GetAsync(Path + "?state=checking", session)).Is(200).Items("name"));
        var body = new { quotaBytes = 1000, softDeleteDays = 14, isDefault = true };
        (await world.PutAsync(path, session, body)).Is(428, "version-needed");
        (await world.PutAsync(path, session, body, ("If-Match", "\"7\""))).Is(412, "outdated");
        var changed = (await world.PutAsync(path, session, body, ("If-Match", read.ETag))).Is(200);
        Assert.Equal(("1000", "14"), (changed["quotaBytes"], changed["softDeleteDays"]));
        var free = (await world.PutAsync(path, session, new { softDeleteDays = 14, isDefault = true }, ("If-Match", changed.ETag))).Is(200);
        Assert.Null(free["quotaBytes"]);
        var audit = (await world.GetAsync("/api/v1/audit", session)).Is(200);
        Assert.All([made, again, read, changed, audit], answer => Assert.DoesNotContain(Secret, answer.Text, StringComparison.Ordinal));
        (await world.DeleteAsync(path, session)).Is(204);
        (await world.GetAsync(path, session)).Is(404, "not-found");
        Assert.Empty((await world.GetAsync(Path, session)).Items("id"));
        Assert.Equal(["createLocation", "deleteLocation", "updateLocation", "updateLocation"], await world.AuditAsync());
    }

    [Fact]
    public async Task What_the_vBackup_service_refuses_is_refused_with_its_field()
    {
        await using var world = await MakeAsync();
        var session = await world.MemberAsync();
        (await world.PostAsync(Path, session, new { })).Is(400, "wrong-input", "name");
        (await world.PostAsync(Path, session, new { name = "x", region = "nowhere", kind = "filesystem", address = "/x" }))
            .Is(400, "wrong-input", "region");
        (await world.PostAsync(Path, session, new { name = "x", region = Things.Region, kind = "tape", address = "/x" }))
            .Is(400, "wrong-input", "kind");
        (await world.PostAsync(Path, session, new { name = "x", region = Things.Region, kind = "filesystem", address = "" }))
            .Is(400, "wrong-input", "address");
        var made = (await world.PostAsync(Path, session, Bucket())).Is(201);
        (await world.PostAsync(Path, session, Bucket())).Is(409, "name-taken", "name");
        (await world.PutAsync(made.Headers["Location"], session, new { quotaBytes = 0, softDeleteDays = 0, isDefault = false },
            ("If-Match", made.ETag)))
            .Is(400, "wrong-input", "quotaBytes");
        (await world.PutAsync(made.Headers["Location"], session, new { isDefault = false }, ("If-Match", made.ETag)))
            .Is(400, "wrong-input", "softDeleteDays");
    }

    [Fact]
    public async Task Other_credentials_are_taken_and_never_told()
    {
        const string Next = "nobody-reads-the-next-one";
        await using var world = await MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Bucket())).Is(201);
        var path = $"{made.Headers["Location"]}/credentials";
        var body = new { accessKey = "other", secretKey = Next };
        (await world.PutAsync(path, session, body)).Is(428, "version-needed");
        (await world.PutAsync(path, session, body, ("If-Match", "\"7\""))).Is(412, "outdated");
        (await world.PutAsync(path, session, new { accessKey = "other" }, ("If-Match", made.ETag))).Is(400, "wrong-input", "secretKey");
        (await world.PutAsync(path, session, new { secretKey = Next }, ("If-Match", made.ETag))).Is(400, "wrong-input", "accessKey");
        var changed = (await world.PutAsync(path, session, body, ("If-Match", made.ETag))).Is(200);
        Assert.NotEqual(made.ETag, changed.ETag);
        Assert.Equal([Secret, Next], world.Locations.SecretKeys);
        var audit = (await world.GetAsync("/api/v1/audit", session)).Is(200);
        Assert.All([changed, audit], answer => Assert.DoesNotContain(Next, answer.Text, StringComparison.Ordinal));
        Assert.Equal(["createLocation", "setLocationCredentials"], await world.AuditAsync());
    }

    [Fact]
    public async Task A_location_that_plans_or_points_need_stays()
    {
        await using var world = await MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Bucket())).Is(201);
        var id = LocationId.From(Guid.Parse(made["id"]!));
        var plan = await world.PlanAsync(await world.ServerAsync(), id, await world.PolicyAsync());
        var used = (await world.DeleteAsync($"{Path}/{id}", session)).Is(409, "location-in-use");
        Assert.Contains("web", used["detail"], StringComparison.Ordinal);
        (await world.DeleteAsync($"/api/v1/plans/{plan}", session)).Is(204);
        world.Locations.Filled.Add(id);
        Assert.Contains("1 restore points", (await world.DeleteAsync($"{Path}/{id}", session)).Is(409, "location-in-use")["detail"],
            StringComparison.Ordinal);
        (await world.GetAsync($"{Path}/{id}", session)).Is(200);
    }

    [Fact]
    public async Task A_location_is_locked_changed_and_unlocked_until_the_lock_is_final()
    {
        await using var world = await MakeAsync();
        var session = await world.MemberAsync();
        var made = (await world.PostAsync(Path, session, Bucket())).Is(201);
        var path = $"{made.Headers["Location"]}/lock";
        object later = new { minDays = 30, maxDays = 90, changeDays = 3 }, atOnce = new { minDays = 30, changeDays = 1 };
        (await world.PutAsync(path, session, later)).Is(428, "version-needed");
        (await world.PutAsync(path, session, new { minDays = 30 }, ("If-Match", made.ETag))).Is(400, "wrong-input", "changeDays");
        var locked = (await world.PutAsync(path, session, later, ("If-Match", made.ETag))).Is(200);
        var held = locked.Json.GetProperty("lock");
        Assert.Equal((30, 90, false), (held.GetProperty("minDays").GetInt32(), held.GetProperty("maxDays").GetInt32(),
            held.GetProperty("isEnforcedByStore").GetBoolean()));
        var free = (await world.DeleteAsync(path, session)).Is(200);
        Assert.Null(free["lock"]);
        var final = (await world.PutAsync(path, session, atOnce, ("If-Match", free.ETag))).Is(200);
        (await world.PutAsync(path, session, later, ("If-Match", final.ETag))).Is(409, "lock-final");
        (await world.DeleteAsync(path, session)).Is(409, "lock-final");
        Assert.Equal(["createLocation", "lockLocation", "lockLocation", "unlockLocation"], await world.AuditAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whether_the_store_keeps_to_a_lock_too_is_told(bool isEnforced)
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        var location = await world.LocationAsync();
        await world.LockAsync(location, new(MinDays: 30, null, world.Clock.GetUtcNow(), isEnforced));
        var told = (await world.GetAsync($"{Path}/{location}", session)).Is(200).Json;
        Assert.Equal((isEnforced, isEnforced), (told.GetProperty("canHoldPoints").GetBoolean(),
            told.GetProperty("lock").GetProperty("isEnforcedByStore").GetBoolean()));
    }

    static async Task<PortalWorld> MakeAsync()
    {
        var world = await PortalWorld.MakeAsync();
        await world.SaveAsync(new RegionRow(Things.Region, world.Project));
        return world;
    }

    static object Bucket() => new
    {
        name = "far",
        region = Things.Region,
        kind = "vStorage",
        address = "s3://bucket/vbackup",
        accessKey = "key",
        secretKey = Secret,
        isDefault = true,
    };
}
