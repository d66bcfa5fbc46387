using System.Text.RegularExpressions;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>
/// What a run of the command line asked of the file system, in order, as strace saw it. Each call has a begin and an end:
/// the numbers of the lines that say so.
/// </summary>
internal sealed partial class SystemCalls
{
    const string Strace = "/usr/bin/strace";

    readonly string _vaultFolder;
    readonly List<(string Path, int Begin, int End)> _syncs = [];
    readonly List<(string Path, int Begin, int End)> _foldersMade = [];
    readonly List<(string From, string Path, int Begin, int End)> _named = [];
    readonly List<(string Path, int Begin, int End)> _removed = [];

    SystemCalls(string vaultFolder) => _vaultFolder = vaultFolder;

    /// <summary>Objects that got their names.</summary>
    public IEnumerable<(string Object, int Begin)> Named => _named.Select(named => (ObjectOf(named.Path), named.Begin));

    /// <summary>Objects that were removed.</summary>
    public IEnumerable<(string Object, int Begin)> Removed => _removed.Select(removed => (ObjectOf(removed.Path), removed.Begin));

    public IEnumerable<string> Synced => _syncs.Select(sync => sync.Path);

    public static void Need() => Needs.Program(Strace, "strace");

    public static async Task<SystemCalls> OfAsync(CliVault vault, string[] arguments)
    {
        var trace = vault["trace"];
        (await CliProcess.RunAsync(["-D", "-f", "-y", "-s", "4096", "-o", trace, "-e", "trace=fsync,rename,link,unlink,mkdir",
            CliProcess.Program, .. arguments], program: Strace, folder: vault.Folder)).Expect(0);
        var calls = new SystemCalls(vault.VaultFolder);
        calls.Read(await File.ReadAllLinesAsync(trace));
        File.Delete(trace);
        return calls;
    }

    /// <summary>Every file was synced before it became an object.</summary>
    public void ExpectSyncedBeforeNamed()
    {
        Assert.NotEmpty(_named.Concat(_removed.Select(removed => ("", removed.Path, removed.Begin, removed.End))));
        foreach (var (from, path, begin, _) in _named)
            Assert.True(_syncs.Exists(sync => sync.Path == from && sync.End < begin), $"{path} got its name before it was synced");
    }

    /// <summary>Every name that was given, taken or made before is durable by then.</summary>
    public void ExpectAllDurableBefore(int line)
    {
        foreach (var (path, _, end) in _named.Select(named => (named.Path, named.Begin, named.End)).Concat(_removed).Concat(_foldersMade))
            if (end < line) Assert.True(DurableAt(path, end) < line, $"the folder of {path} was not synced in time");
    }

    /// <summary>When the last of these removals was durable.</summary>
    public int DurableAt(IEnumerable<(string Object, int Begin)> removed) => removed.Max(item =>
    {
        var (path, _, end) = _removed.Single(one => one.Begin == item.Begin);
        return DurableAt(path, end);
    });

    int DurableAt(string path, int after) => _syncs.Where(sync => sync.Path == Path.GetDirectoryName(path) && sync.Begin > after)
        .Select(sync => sync.End).DefaultIfEmpty(int.MaxValue).Min();

    string ObjectOf(string path) => Path.GetRelativePath(_vaultFolder, path);

    void Read(string[] lines)
    {
        Dictionary<string, (string Text, int Begin)> begun = [];
        for (var line = 0; line < lines.Length; line++)
        {
            if (Line().Match(lines[line]) is not { Success: true } parts) continue;
            var (thread, text, begin) = (parts.Groups[1].Value, parts.Groups[2].Value, line);
            if (text.EndsWith("<unfinished ...>", StringComparison.Ordinal))
            {
                begun[thread] = (text.Replace("<unfinished ...>", "", StringComparison.Ordinal).TrimEnd(), line);
                continue;
            }
            if (Resumed().Match(text) is { Success: true } rest)
            {
                (text, begin) = (begun[thread].Text + rest.Groups[1].Value, begun[thread].Begin);
                begun.Remove(thread);
            }
            if (Call().Match(text) is { Success: true } call) Add(call.Groups[1].Value, call.Groups[2].Value, begin, line);
        }
    }

    void Add(string call, string arguments, int begin, int end)
    {
        if (call == "fsync")
        {
            _syncs.Add((Handle().Match(arguments).Groups[1].Value, begin, end));
            return;
        }
        // The store's paths go through a handle of its root.
        string[] paths = [.. Quoted().Matches(arguments).Select(path => Root().Replace(path.Groups[1].Value, _vaultFolder))];
        if (!paths[^1].StartsWith(_vaultFolder + "/", StringComparison.Ordinal)) return;
        var isUnfinished = ObjectOf(paths[^1]).StartsWith("unfinished/", StringComparison.Ordinal);
        if (call == "mkdir") _foldersMade.Add((paths[0], begin, end));
        else if (call is "rename" or "link") _named.Add((paths[0], paths[1], begin, end));
        else if (!isUnfinished) _removed.Add((paths[0], begin, end));
    }

    [GeneratedRegex(@"^(\d+) +(.*)$")]
    private static partial Regex Line();

    [GeneratedRegex(@"^<\.\.\. \w+ resumed>(.*)$")]
    private static partial Regex Resumed();

    /// <summary>Only calls that did something.</summary>
    [GeneratedRegex(@"^(\w+)\((.*)\) += 0$")]
    private static partial Regex Call();

    [GeneratedRegex(@"^\d+<(.*)>$")]
    private static partial Regex Handle();

    [GeneratedRegex("\"([^\"]*)\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^/proc/self/fd/\d+")]
    private static partial Regex Root();
}
