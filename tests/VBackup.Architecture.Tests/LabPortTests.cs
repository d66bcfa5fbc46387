using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace VBackup.Architecture.Tests;

/// <summary>Labs stand beside each other, each on ports of its own.</summary>
public sealed partial class LabPortTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vb-ports-").FullName;

    [Fact]
    public async Task Labs_that_are_started_at_the_same_moment_choose_different_ports()
    {
        // Ceph's programs do nothing, and the monitor fails: the ports are chosen by then.
        foreach (var (program, status) in ((string, int)[])[("ceph-authtool", 0), ("monmaptool", 0), ("ceph-mon", 1)])
        {
            var path = Path.Combine(_folder, program);
            await File.WriteAllTextAsync(path, $"#!/bin/sh\nexit {status}\n");
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
        string[] labs = ["a", "b", "c", "d"];
        await Task.WhenAll(labs.Select(UpAsync));
        var ports = labs.Select(lab => Port().Match(File.ReadAllText(Path.Combine(_folder, lab, "lab.env"))).Value).ToList();
        Assert.Equal(labs.Length, ports.Distinct().Count());
    }

    async Task UpAsync(string lab)
    {
        using var script = Process.Start(
            new ProcessStartInfo(Repository.FullPath("lab/ceph"), ["up", Path.Combine(_folder, lab), "--no-rgw"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                Environment = { ["PATH"] = $"{_folder}:{Environment.GetEnvironmentVariable("PATH")}" },
            }) ?? throw new InvalidOperationException("lab/ceph did not start");
        var said = script.StandardError.ReadToEndAsync();
        await script.StandardOutput.ReadToEndAsync();
        await script.WaitForExitAsync();
        Assert.Contains("monitor: ", await said, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex(@"port=\d+")]
    private static partial Regex Port();
}
