using System.Text.RegularExpressions;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>What README.md and docs/cli.md say of the command line is so.</summary>
public sealed partial class PagesTests : IDisposable
{
    const int LooksMax = 600;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(200);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-pages-").FullName;

    [Fact]
    public async Task The_tour_of_a_whole_system_works_as_it_is_written()
    {
        AtTerminal.Need();
        var tour = Tour(await PageAsync("README.md"));
        Assert.Equal(9, tour.Count);
        var user = new RemoteUser(_folder);
        await using var up = await UpProcess.StartAsync(Path.Combine(_folder, "data"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "vbackup"), $"#!/bin/sh\nexec '{CliProcess.Program}' \"$@\"\n");
        var point = "";
        foreach (var line in tour)
        {
            // The port is one that is free here, and the point is the one that the line before has listed.
            var command = line.Replace("http://127.0.0.1:8080", RemoteUser.UrlOf(up), StringComparison.Ordinal)
                .Replace("./vbackup", "sh ./vbackup", StringComparison.Ordinal).Replace("POINT", point, StringComparison.Ordinal);
            var asks = line.Contains(" login ", StringComparison.Ordinal);
            var ended = (asks
                ? await AtTerminal.RunAsync(user, $"{up.OneTimePassword}\n{RemoteUser.Chosen}\n{RemoteUser.Chosen}",
                    command["sh ./vbackup ".Length..])
                : await CliProcess.RunAsync(["-c", command], user.Variables, "/bin/sh", _folder)).Expect(0);
            if (asks) await UntilThereIsAServerAsync(user);
            if (line.Contains(" point list", StringComparison.Ordinal)) point = ended.Output[1].Split(' ')[0];
        }
        Assert.Equal(await File.ReadAllBytesAsync(Volume("web-1-boot")), await File.ReadAllBytesAsync(Volume("web-1-as-it-was")));
    }

    [Fact]
    public async Task Every_command_is_in_the_table_and_no_other()
    {
        var page = await PageAsync("cli.md");
        var described = TableRow().Matches(page).Select(row => row.Groups["command"].Value).Order().ToList();
        Assert.NotEmpty(described);
        List<string> found = [];
        foreach (var command in await CommandsOfAsync())
        {
            var inner = await CommandsOfAsync(command);
            if (inner.Count == 0) found.Add(command);
            else found.AddRange(inner.Select(one => $"{command} {one}"));
        }
        Assert.Equal(found.Order(), described.Select(one => one.StartsWith("edge snapshots ", StringComparison.Ordinal) ? "edge snapshots"
            : one).Distinct());
    }

    static async Task<List<string>> CommandsOfAsync(params string[] path)
    {
        var help = (await CliProcess.RunAsync([.. path, "--help"])).Expect(0).Output;
        return [.. help.SkipWhile(line => line != "Commands:").Skip(1).TakeWhile(line => line.Length > 0)
            .Select(line => CommandOfHelp().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value)];
    }

    static List<string> Tour(string page)
    {
        var block = Fence().Matches(page).Select(fence => fence.Groups[1].Value)
            .Single(text => text.StartsWith("$ ./vbackup login", StringComparison.Ordinal));
        return [.. block.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[2..])];
    }

    static async Task UntilThereIsAServerAsync(RemoteUser user)
    {
        for (var looks = 0; !(await user.TextAsync("server", "list")).Contains("local/web-1", StringComparison.Ordinal); looks++)
        {
            Assert.True(looks < LooksMax, "no server was told of");
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
    }

    string Volume(string name) => Path.Combine(_folder, "data", "cloud", "volumes", $"{name}.raw");

    static Task<string> PageAsync(string name) => File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "pages", name));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [GeneratedRegex("^```\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\| `vbackup (?<command>[a-z][a-z-]*( [a-z][a-z-]*)*)", RegexOptions.Multiline)]
    private static partial Regex TableRow();

    [GeneratedRegex("^  ([a-z][a-z-]+)")]
    private static partial Regex CommandOfHelp();
}
