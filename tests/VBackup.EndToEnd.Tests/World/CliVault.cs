using System.Text.Json;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A folder with a key, sources and (unless it is elsewhere) a vault, all gone after the test.</summary>
internal sealed class CliVault : IAsyncDisposable
{
    /// <summary>Points that were complete, and the content of their one volume.</summary>
    public OrderedDictionary<string, byte[]> Complete { get; } = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("vbackup-e2e-").FullName;
    public string Location { get; }
    public IReadOnlyDictionary<string, string?>? Variables { get; init; }
    public string VaultFolder => Path.Combine(Folder, "vault");
    public string Source => Path.Combine(Folder, "disk.img");

    public CliVault(string? location = null) => Location = location ?? VaultFolder;

    public string this[string name] => Path.Combine(Folder, name);

    public static async Task<CliVault> MakeAsync()
    {
        var vault = new CliVault();
        await vault.InitAsync();
        return vault;
    }

    public async Task InitAsync(params string[] more)
    {
        (await CliProcess.RunAsync(["key", "new", this["key"]])).Expect(0);
        (await RunAsync(["init", "--chunk-size", "16KiB", .. more])).Expect(0);
    }

    /// <summary>The arguments of <c>vbackup vault …</c> on this vault.</summary>
    public string[] Arguments(params string[] command) =>
        ["vault", .. command, "--vault", Location, "--key-file", this["key"], "--json"];

    public Task<Ended> RunAsync(params string[] command) => CliProcess.RunAsync(Arguments(command), Variables, folder: Folder);

    public string[] BackupArguments(params string[] more) =>
        Arguments(["backup", "--name", "server", "--volume", $"disk={Source}", .. more]);

    /// <summary>Backs up a content, which is expected to come back from then on.</summary>
    public async Task<JsonElement> BackUpAsync(byte[] content, params string[] more)
    {
        await File.WriteAllBytesAsync(Source, content);
        var last = (await CliProcess.RunAsync(BackupArguments(more), Variables, folder: Folder)).Expect(0).Last;
        Complete[last.GetProperty("point").GetString()!] = content;
        return last;
    }

    public async Task<string[]> PointsAsync() =>
        [.. (await RunAsync("list", "--without-freed")).Expect(0).Events.Select(point => point.GetProperty("id").GetString()!)];

    public async Task RestoreAndCompareAsync(string point)
    {
        var target = this[$"restored-{point}"];
        (await RunAsync("restore", point, "--target", target)).Expect(0);
        var restored = await File.ReadAllBytesAsync(target);
        Assert.True(Complete[point].AsSpan().SequenceEqual(restored), $"point {point} came back otherwise");
        File.Delete(target);
    }

    /// <summary>Every point that was complete is listed, all data is sound, and each comes back bit for bit.</summary>
    public async Task CheckAllAsync()
    {
        Assert.Equal(Complete.Keys.Order(), (await PointsAsync()).Order());
        (await RunAsync("verify", "--all-data")).Expect(0);
        foreach (var point in Complete.Keys) await RestoreAndCompareAsync(point);
    }

    public async Task DeleteAsync(string point)
    {
        (await RunAsync("delete", point)).Expect(0);
        Complete.Remove(point);
    }

    /// <summary>Deletes every point and collects: what is left then is what the protocol says stays for ever.</summary>
    public async Task DeleteAllAndExpectNothingLeftAsync()
    {
        foreach (var point in Complete.Keys.ToList()) await DeleteAsync(point);
        (await RunAsync("gc")).Expect(0);
        // A session that never ended and was decided stays: its writer may wake up.
        var left = Objects();
        Assert.DoesNotContain(left, name => !left.Contains($"{name}.decision") && name != "vault"
            && !name.StartsWith("keys/", StringComparison.Ordinal)
            && !name.EndsWith(".decision", StringComparison.Ordinal) && !name.EndsWith(".revoked", StringComparison.Ordinal));
    }

    /// <summary>The files of the vault's folder, unfinished ones too.</summary>
    public string[] Objects(string below = "")
    {
        var folder = Path.Combine(VaultFolder, below);
        return !Directory.Exists(folder) ? []
            : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(VaultFolder, file)).Order(StringComparer.Ordinal)];
    }

    public long PackBytes() => Objects("packs").Sum(name => new FileInfo(Path.Combine(VaultFolder, name)).Length);

    public ValueTask DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
