using VBackup.Clouds.Lab;
using VBackup.Edge;

namespace VBackup.Cli.Up;

/// <summary>A lab cloud to try things with: one server with two disks of files.</summary>
static class SampleCloud
{
    const int Mebibyte = 1024 * 1024, BootMebibytes = 32, DataMebibytes = 8, Seed = 1;
    static readonly TimeSpan s_freezeLimit = TimeSpan.FromSeconds(5);

    /// <summary>Makes it where there is none.</summary>
    public static EdgeCloud Open(string folder)
    {
        var servers = Path.Combine(folder, "servers");
        var volumes = Path.Combine(folder, "volumes");
        if (!Directory.Exists(servers))
        {
            Directory.CreateDirectory(volumes);
            WriteVolume(Path.Combine(volumes, "web-1-boot.raw"), BootMebibytes);
            WriteVolume(Path.Combine(volumes, "web-1-data.raw"), DataMebibytes);
            // The folder of servers comes last: it says that the rest is there.
            var part = servers + ".new";
            Directory.CreateDirectory(part);
            File.WriteAllText(Path.Combine(part, "web-1.json"),
                """
                { "state": "shutdown", "disks": [ { "name": "vda", "volume": "web-1-boot" }, { "name": "vdb", "volume": "web-1-data" } ] }
                """);
            Directory.Move(part, servers);
        }
        return EdgeCloud.Of(LabCloud.Open(folder), s_freezeLimit);
    }

    // Half of it noise, the rest a hole.
    static void WriteVolume(string path, int mebibytes)
    {
        var noise = new byte[Mebibyte];
        var random = new Random(Seed);
        using var file = File.Create(path);
        for (var i = 0; i < mebibytes / 2; i++)
        {
            random.NextBytes(noise);
            file.Write(noise);
        }
        file.SetLength((long)mebibytes * Mebibyte);
    }
}
