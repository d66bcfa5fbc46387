using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>A running server of a lab: the lab's own, or one with two disks of its own that is gone after the test.</summary>
internal sealed class LabServer(EdgeLab lab, string name, params string[] images) : IAsyncDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90), s_lookDelay = TimeSpan.FromMilliseconds(200);

    public string Name => name;

    public IReadOnlyList<string> Images => images;

    public static async Task<LabServer> StartAsync(EdgeLab lab)
    {
        var name = $"e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var server = new LabServer(lab, name, $"rbd/{name}-a", $"rbd/{name}-b");
        try
        {
            foreach (var image in server.Images)
                await lab.RbdAsync("create", "--size", "128M", "--image-feature", "layering,exclusive-lock,object-map,fast-diff", image);
            await lab.StartServerAsync(name, images: [.. server.Images]);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Switches it on, and waits until its journal is written.</summary>
    public Task StartAgainAsync() => lab.StartServerAsync(name, [.. images]);

    /// <summary>As somebody does by hand, who does not wait until it has booted.</summary>
    public Task SwitchOnAsync() => lab.VirshAsync("start", name);

    /// <summary>As by a power cut.</summary>
    public Task SwitchOffAsync() => lab.VirshAsync("destroy", name);

    /// <summary>Its processors stand still, and what it wrote is in the cluster.</summary>
    public Task SuspendAsync() => lab.VirshAsync("suspend", name);

    public Task ResumeAsync() => lab.VirshAsync("resume", name);

    public Task<string> ConsoleAsync() => lab.ConsoleAsync(name);

    /// <summary>Whether the guest's file systems are frozen now.</summary>
    public async Task<bool> IsFrozenAsync() =>
        (await AskAgentAsync(new() { ["execute"] = "guest-fsfreeze-status" })).GetString() != "thawed";

    /// <summary>Fills a file on its first disk with noise, in place where it is there already.</summary>
    public async Task WriteNoiseAsync(int mebibytes)
    {
        var started = await AskAgentAsync(new()
        {
            ["execute"] = "guest-exec",
            ["arguments"] = new JsonObject
            {
                ["path"] = "/bin/sh",
                ["arg"] = new JsonArray("-c", $"dd if=/dev/urandom of=/a/noise bs=1M count={mebibytes} conv=notrunc,fsync && sync"),
            },
        });
        var process = started.GetProperty("pid").GetInt32();
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var state = await AskAgentAsync(new()
            { ["execute"] = "guest-exec-status", ["arguments"] = new JsonObject { ["pid"] = process } });
            if (state.GetProperty("exited").GetBoolean())
            {
                Assert.Equal(0, state.GetProperty("exitcode").GetInt32());
                return;
            }
            Assert.True(TimeProvider.System.GetElapsedTime(start) < s_patience, "the guest does not end writing");
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
    }

    /// <summary>The daemon from which the last object of its first disk is read.</summary>
    public async Task<string> DiskOfLastObjectAsync()
    {
        using var extents = await JsonAsync(lab.RbdAsync("diff", "--whole-object", "--format", "json", images[0]));
        using var info = await JsonAsync(lab.RbdAsync("info", "--format", "json", images[0]));
        var last = extents.RootElement.EnumerateArray().Max(extent =>
            extent.GetProperty("offset").GetInt64() + extent.GetProperty("length").GetInt64() - 1);
        var number = last / info.RootElement.GetProperty("object_size").GetInt64();
        var name = $"{info.RootElement.GetProperty("block_name_prefix").GetString()}.{number:x16}";
        using var placed = await JsonAsync(lab.CephAsync("osd", "map", images[0].Split('/')[0], name, "--format", "json"));
        return $"osd.{placed.RootElement.GetProperty("acting_primary").GetInt32()}";
    }

    /// <summary>A digest of all that each of its disks holds now. Only meaningful while nobody writes.</summary>
    public async Task<string[]> DigestsAsync()
    {
        var folder = Directory.CreateTempSubdirectory("vbackup-e2e-").FullName;
        try
        {
            List<string> digests = [];
            foreach (var image in images)
            {
                var file = Path.Combine(folder, "disk");
                await lab.RbdAsync("export", "--no-progress", image, file);
                await using (var stream = File.OpenRead(file)) digests.Add(Convert.ToHexStringLower(await SHA256.HashDataAsync(stream)));
                File.Delete(file);
            }
            return [.. digests];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static async Task<JsonDocument> JsonAsync(Task<IReadOnlyList<string>> lines) => JsonDocument.Parse(string.Join('\n', await lines));

    async Task<JsonElement> AskAgentAsync(JsonObject command)
    {
        using var document = await JsonAsync(lab.VirshAsync("qemu-agent-command", name, command.ToJsonString()));
        return document.RootElement.GetProperty("return").Clone();
    }

    /// <summary>What a failure left half made is passed over.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var verb in (string[])["destroy", "undefine"])
            await CliProcess.RunAsync(["-q", "-c", lab["VBACKUP_TEST_LIBVIRT_URI"], verb, name], program: "/usr/bin/virsh");
        foreach (var image in images)
            foreach (var verb in (string[][])[["snap", "purge"], ["rm"]])
                await CliProcess.RunAsync(["-c", lab["CEPH_CONF"], .. verb, "--no-progress", image], program: "/usr/bin/rbd");
    }
}
