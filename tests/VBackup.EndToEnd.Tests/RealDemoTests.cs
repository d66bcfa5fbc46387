using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>The whole story on the lab that runs: a server on Ceph, a vault in S3, and what can go wrong.</summary>
[Collection(RealEdge.Collection)]
public sealed class RealDemoTests
{
    [Fact]
    public async Task The_real_demo_holds_and_leaves_no_snapshot()
    {
        var lab = RealEdge.Lab();
        var demo = (await CliProcess.RunAsync(["demo", "--real", "--lab", lab, "--json"])).Expect(0).Last;
        Assert.Equal("ORDER-OK", demo.GetProperty("journal").GetString());
        Assert.True(demo.GetProperty("frozen").GetBoolean());
        Assert.Equal(0, demo.GetProperty("orphanSnapshots").GetInt32());
        Assert.InRange(demo.GetProperty("points").GetInt32(), 7, 100);
        Assert.InRange(demo.GetProperty("heldWorstMilliseconds").GetDouble(), 1, 5000);
        Assert.InRange(demo.GetProperty("thawedAfterKillSeconds").GetDouble(), 0, 5);
        var images = await CliProcess.RunAsync(["-c", Environment.GetEnvironmentVariable("CEPH_CONF")!, "ls", "rbd"],
            program: "/usr/bin/rbd");
        Assert.DoesNotContain(images.Expect(0).Output, image => image.StartsWith("demo-", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--lab goes with --real", "--lab", "/tmp")]
    [InlineData("leave out --lab", "--real", "--lab", "/tmp", "--keep", "/tmp")]
    public async Task Options_that_do_not_go_together_are_refused(string reason, params string[] options) =>
        Assert.Contains(reason, (await CliProcess.RunAsync(["demo", .. options])).Expect(2).Errors[^1], StringComparison.Ordinal);
}
