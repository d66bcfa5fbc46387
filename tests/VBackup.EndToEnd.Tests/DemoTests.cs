using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

public sealed class DemoTests
{
    [Fact]
    public async Task The_demo_holds_and_prints_its_table()
    {
        Needs.Program("/usr/sbin/mke2fs", "e2fsprogs");
        var demo = (await CliProcess.RunAsync(["demo"])).Expect(0);
        Assert.Contains(demo.Output, line => line.StartsWith("STEP ", StringComparison.Ordinal) && line.Contains("RATE", StringComparison.Ordinal));
        foreach (var step in new[] { "full backup", "incremental backup", "restore the first point", "restore the second point" })
            Assert.Contains(demo.Output, line => line.StartsWith(step, StringComparison.Ordinal) && line.Contains(" s ", StringComparison.Ordinal));
        foreach (var type in new[] { "full", "incremental" })
        {
            Assert.Contains(demo.Output, line => line.StartsWith($"{type} backup of the running server", StringComparison.Ordinal)
                && line.Contains("filesystem consistency", StringComparison.Ordinal));
            Assert.Contains(demo.Output, line => line.StartsWith($"restore its {type} backup to a new server", StringComparison.Ordinal)
                && line.Contains("ORDER-OK", StringComparison.Ordinal));
        }
        Assert.Contains(demo.Output, line => line.StartsWith("everything held", StringComparison.Ordinal));
    }
}
