using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>A volume leaves a system as a file and comes back as a new volume, by the command line alone.</summary>
public sealed class ImageTransferTests : IDisposable
{
    const int LooksMax = 600;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(200);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-images-").FullName;

    [Fact]
    public async Task A_volume_of_a_point_becomes_a_file_and_the_file_a_new_volume()
    {
        var (data, images) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "images"));
        foreach (var folder in (string[])[data, images]) Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(data, "appsettings.json"),
            JsonSerializer.Serialize(new { Worker = new { ImageFolder = images } }));
        var user = new RemoteUser(_folder);
        await using var up = await UpProcess.StartAsync(data);
        await user.SignInAsync(up);
        for (var looks = 0; !(await user.TextAsync("server", "list")).Contains("local/web-1", StringComparison.Ordinal); looks++)
        {
            Assert.True(looks < LooksMax, "no server was told of");
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        var point = (await user.RunAsync("backup-now", "web-1", "--wait", "--json")).Expect(0).Last.GetProperty("point").GetString()!;

        Assert.Contains("volume: Say which: the point has vda, vdb".ToUpperInvariant(),
            (await user.RefusalAsync(1, "point", "export-image", point, "--file", "boot.raw")).ToUpperInvariant(),
                StringComparison.Ordinal);
        Assert.Contains("there are raw and qcow2",
            await user.RefusalAsync(2, "point", "export-image", point, "--file", "boot", "--format", "vmdk"),
            StringComparison.Ordinal);
        Assert.StartsWith("image export of local/web-1: made file boot.raw, ",
            await user.TextAsync("point", "export-image", point, "--file", "boot.raw", "--volume", "vda", "--wait"),
                StringComparison.Ordinal);
        var volumes = Path.Combine(data, "cloud", "volumes");
        var boot = await File.ReadAllBytesAsync(Path.Combine(volumes, "web-1-boot.raw"));
        Assert.Equal(boot, await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(images, "boot.raw",
            SearchOption.AllDirectories))));

        Assert.StartsWith("image import of local/web-1: made volume back, ",
            await user.TextAsync("volume", "import-image", "web-1", "--file", "boot.raw", "--name", "back", "--wait"),
                StringComparison.Ordinal);
        Assert.Equal(boot, await File.ReadAllBytesAsync(Path.Combine(volumes, "back.raw")));
        Assert.Contains("there is a volume back already",
            await user.RefusalAsync(1, "volume", "import-image", "web-1", "--file", "boot.raw", "--name", "back", "--wait"),
                StringComparison.Ordinal);
        Assert.Contains("image import", await user.TextAsync("run", "list", "--kind", "importImage"), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
