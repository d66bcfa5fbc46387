using System.Text.Json;
using System.Text.RegularExpressions;
using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Demo.Real;

/// <summary>What the journal says in images of a server's two disks.</summary>
/// <param name="NewestOfA">The number of the last record on the first disk.</param>
/// <param name="Problems">Why they cannot be of one instant; empty when they can.</param>
sealed record JournalState(long NewestOfA, long NewestOfB, bool IsInOrder, bool IsFrozen, string Problems);

/// <summary>The lab of <c>lab/edge</c>: Ceph with CephFS and S3, libvirt, and a running server.</summary>
sealed partial class Lab(string checkout, string folder, CancellationToken cancellation)
{
    const int CannotSay = 2;
    const string DiskSize = "256M";

    Dictionary<string, string> _settings = [];

    public string Folder => folder;
    public string CephConfiguration => this["CEPH_CONF"];
    public string LibvirtUri => this["LIBVIRT_DEFAULT_URI"];

    /// <summary>A variable of <c>lab/edge env</c>.</summary>
    public string this[string variable] => _settings.TryGetValue(variable, out var value)
        ? value : throw new RefusedException($"the lab in {folder} does not tell {variable}: is it one of 'lab/edge up'?");

    string Script => Path.Combine(checkout, "lab/edge");

    /// <param name="onLine">Gets what it says as it goes.</param>
    public async Task StartAsync(Action<string> onLine) =>
        await ExternalProgram.RunAsync(Script, ["up", folder], cancellation, onLine).ConfigureAwait(false);

    /// <summary>Asks a running lab where everything is.</summary>
    public async Task ReadSettingsAsync()
    {
        var text = await ExternalProgram.RunAsync(Script, ["env", folder], cancellation).ConfigureAwait(false);
        _settings = Setting().Matches(text).ToDictionary(match => match.Groups["name"].Value, match =>
            match.Groups["value"].Value.Trim('\''));
    }

    /// <summary>Also when the demo was stopped: what was started must not stay.</summary>
    public async Task WipeAsync()
    {
        foreach (var verb in (string[])["down", "wipe"])
            await ExternalProgram.RunAsync(Script, [verb, folder], CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Starts one more server, on two blank images of its own, and waits until its journal is written.</summary>
    public async Task MakeServerAsync(string name)
    {
        string[] images = [.. VolumesOf(name).Select(volume => volume.Value)];
        foreach (var image in images)
            await RbdAsync("create", "--size", DiskSize, "--image-feature", "layering,exclusive-lock,object-map,fast-diff", image)
                .ConfigureAwait(false);
        await ExternalProgram.RunAsync(Script, ["server", folder, name, .. images], cancellation).ConfigureAwait(false);
    }

    /// <summary>Those of a server that <see cref="MakeServerAsync"/> made.</summary>
    public static IReadOnlyList<VolumeId> VolumesOf(string name) => [new($"rbd/{name}-a"), new($"rbd/{name}-b")];

    /// <summary>What a server said on its console since it was started.</summary>
    public async Task<string> ConsoleAsync(string server) =>
        (await ExternalProgram.TryAsync(Script, ["console", folder, server], cancellation).ConfigureAwait(false)).Output;

    /// <summary>Ceph's own tool, as its administrator.</summary>
    public Task<string> RbdAsync(params string[] arguments) =>
        ExternalProgram.RunAsync(ExternalProgram.Find("rbd", "ceph-common"), ["-c", CephConfiguration, .. arguments], cancellation);

    public async Task<JournalState> CheckJournalAsync(string imageA, string imageB)
    {
        var check = await ExternalProgram.TryAsync(
            Path.Combine(checkout, "lab/journal-check"), [imageA, imageB, "--json"], cancellation).ConfigureAwait(false);
        if (check.Status == CannotSay) throw new RefusedException($"lab/journal-check cannot say: {check.Errors.Trim()}");
        using var verdict = JsonDocument.Parse(check.Output);
        var root = verdict.RootElement;
        return new(NewestOf("a"), NewestOf("b"), root.GetProperty("order").GetString() == "ORDER-OK",
            root.GetProperty("consistency").GetString() == "FROZEN",
            string.Join("; ", root.GetProperty("problems").EnumerateArray().Select(problem => problem.GetString())));

        long NewestOf(string disk) => root.GetProperty(disk).GetProperty("newest").GetInt64();
    }

    [GeneratedRegex("^export (?<name>[A-Z0-9_]+)=(?<value>.*)$", RegexOptions.Multiline)]
    private static partial Regex Setting();
}
