using System.Diagnostics;
using Xunit;

namespace VBackup.Architecture.Tests;

public sealed class ScriptTests
{
    [Fact]
    public async Task Every_bash_script_can_be_parsed()
    {
        var scripts = Repository.Texts().Where(file => file.IsBash).ToList();
        Assert.Contains(scripts, script => script.Path == "vbackup");
        Assert.Contains(scripts, script => script.Path == "test.sh");
        foreach (var script in scripts)
            Assert.Equal((script.Path, ""), (script.Path, await ComplaintOfBash(script.Text)));
    }

    [Fact]
    public void Every_script_can_be_executed()
    {
        var scripts = Repository.Texts().Where(file => file.Text.StartsWith("#!", StringComparison.Ordinal));
        Assert.All(scripts, script => Assert.True(CanBeExecuted(Repository.FullPath(script.Path)), script.Path));
    }

    [Fact]
    public void A_file_that_cannot_be_executed_is_found() => Assert.False(CanBeExecuted(Repository.FullPath("LICENSE")));

    [Fact]
    public async Task A_script_that_bash_cannot_parse_is_found() =>
        Assert.Contains("syntax error", await ComplaintOfBash("#!/usr/bin/env bash\nif true; then\n"), StringComparison.Ordinal);

    static bool CanBeExecuted(string path) =>
        !OperatingSystem.IsWindows() && File.GetUnixFileMode(path).HasFlag(UnixFileMode.UserExecute);

    static async Task<string> ComplaintOfBash(string script)
    {
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-n"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException("bash did not start");
        await bash.StandardInput.WriteAsync(script);
        bash.StandardInput.Close();
        var complaint = await bash.StandardError.ReadToEndAsync();
        await bash.WaitForExitAsync();
        return bash.ExitCode == 0 ? complaint : $"exit status {bash.ExitCode}: {complaint}";
    }
}
