using VBackup.Portal.Identity;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

public sealed class KeyRouteTests
{
    const string Path = "/api/v1/key";

    [Fact]
    public async Task A_key_is_looked_at_rotated_told_and_erased_and_all_of_it_is_audited()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        Assert.Equal("none", (await world.GetAsync(Path, session)).Is(200)["state"]);
        (await world.PostAsync(Path + "/rotate", session, new { })).Is(409, "no-key");
        world.Keys.Make(world.Project);
        var read = (await world.GetAsync(Path, session)).Is(200);
        Assert.Equal(("1", "ready"), (read["number"], read["state"]));
        var rotated = (await world.PostAsync(Path + "/rotate", session, new { }, ("If-Match", read.ETag))).Is(202);
        Assert.Equal(("2", "rotating"), (rotated["number"], rotated["state"]));
        (await world.PostAsync(Path + "/rotate", session, new { }, ("If-Match", read.ETag))).Is(412, "outdated");
        var told = (await world.PostAsync(Path + "/recovery", session, new { })).Is(200);
        Assert.Equal(("VBK1-OF-A-TEST", "no-store"), (told["recoveryKey"], told.Headers["Cache-Control"]));
        (await world.PostAsync(Path + "/erase", session, new { })).Is(400, "wrong-input", "project");
        (await world.PostAsync(Path + "/erase", session, new { project = "another" })).Is(400, "wrong-input", "project");
        Assert.Equal("rotating", (await world.GetAsync(Path, session)).Is(200)["state"]);
        var erased = (await world.PostAsync(Path + "/erase", session, new { project = Project.Default })).Is(202);
        Assert.Contains("does not reach", erased["meaning"], StringComparison.Ordinal);
        Assert.Equal("erased", (await world.GetAsync(Path, session)).Is(200)["state"]);
        Assert.Equal(["askToEraseKey", "eraseKey", "handOutKey", "rotateKey"], await world.AuditAsync());
        Assert.DoesNotContain("VBK1", (await world.GetAsync("/api/v1/audit", session)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_programs_token_neither_hears_nor_erases_a_key()
    {
        await using var world = await PortalWorld.MakeAsync();
        world.Keys.Make(world.Project);
        var (_, token) = await world.TokenAsync(await world.UserAsync("member", world.Project, BuiltInRoles.FullAccess), world.Project);
        (await world.PostAsync(Path + "/recovery", token, new { })).Is(403, "session-needed");
        (await world.PostAsync(Path + "/erase", token, new { project = Project.Default })).Is(403, "session-needed");
        Assert.Equal("ready", (await world.GetAsync(Path, token)).Is(200)["state"]);
        Assert.Empty(await world.AuditAsync());
    }

    [Fact]
    public async Task What_the_vBackup_service_refuses_is_refused_and_leaves_no_line_that_it_was_done()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        world.Keys.Make(world.Project);
        world.Keys.Refusal = new(null, "key-rotating", "the vault at main has not heard of the last new key yet");
        var refused = (await world.PostAsync(Path + "/rotate", session, new { })).Is(409, "key-rotating");
        Assert.Equal("The vault at main has not heard of the last new key yet.", refused["detail"]);
        world.Keys.Refusal = new(null, "key-erased", "the project's key was erased");
        (await world.PostAsync(Path + "/recovery", session, new { })).Is(409, "key-erased");
        world.Keys.Refusal = new(null, "run-going-on", "runs of the project are going on");
        (await world.PostAsync(Path + "/erase", session, new { project = Project.Default })).Is(409, "run-going-on");
        Assert.Equal(["askToEraseKey"], await world.AuditAsync());
    }
}
