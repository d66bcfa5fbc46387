using System.Runtime.Versioning;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.EndToEnd.Tests;

[SupportedOSPlatform("linux")]
public sealed class ExternalProgramTests
{
    const string Shell = "/bin/sh";

    /// <summary>As <c>qemu-img check</c> does, with a line for each fault of an image whose faults are all one, named millions of
    /// times.</summary>
    [Theory]
    [InlineData("while :; do echo fault; done >&2")]
    [InlineData("yes fault | tr -d '\\n' >&2")]
    public async Task One_that_complains_without_end_is_ended(string script)
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(() => ExternalProgram.RunAsync(Shell, ["-c", script], default));
        Assert.StartsWith($"{Shell} complains without end, at last: ", refused.Message, StringComparison.Ordinal);
        Assert.InRange(refused.Message.Length, 1, 10_000);
    }

    [Fact]
    public async Task What_one_says_last_is_told_when_it_fails()
    {
        var refused = await Assert.ThrowsAsync<RefusedException>(
            () => ExternalProgram.RunAsync(Shell, ["-c", "seq 100000 >&2; echo the disk is full >&2; exit 3"], default));
        Assert.StartsWith($"{Shell} failed with status 3: ", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("the disk is full", refused.Message, StringComparison.Ordinal);
        Assert.InRange(refused.Message.Length, 1000, 10_000);
    }
}
