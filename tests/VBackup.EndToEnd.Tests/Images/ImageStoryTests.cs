using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Images;

/// <summary>Volumes of a lab cloud go to image files and come back.</summary>
public sealed class ImageStoryTests
{
    const int SparseLength = 48 << 20, OddLength = 1_000_003;
    static readonly byte[] s_sparse = ImageFiles.Sparse(1, SparseLength), s_odd = Contents.Mixed(2, OddLength);

    static async Task<(EdgeWorld World, string Point)> MakeAsync()
    {
        var world = await EdgeWorld.OfLabCloudAsync("web-1", ("vda", []), ("vdb", s_odd));
        await ImageFiles.WriteSparseAsync(world.VolumePath("vda"), s_sparse);
        Directory.CreateDirectory(world.Vault["images"]);
        return (world, (await world.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!);
    }

    [Fact]
    public async Task A_point_becomes_a_sparse_raw_file_with_its_digest_and_a_volume_again()
    {
        var (made, point) = await MakeAsync();
        await using var world = made;
        var file = world.Vault["images/vda.img"];
        var exported = (await world.ExportAsync(point, file, "--volume", "vda")).Expect(0).Last;
        Assert.Equal(s_sparse, await File.ReadAllBytesAsync(file));
        Assert.InRange(await ImageFiles.AllocatedAsync(file), 210_000, SparseLength / 10);
        Assert.Equal(ImageFiles.DigestOf(s_sparse), exported.GetProperty("sha256").GetString());
        await ImageFiles.CheckDigestFileAsync(file + ".sha256");
        Assert.Equal(["vda.img", "vda.img.sha256"], FilesIn(world));
        Assert.Equal("600", await ImageFiles.ModeAsync(file));

        var imported = (await world.OnCloudAsync("import-image", file, "--new-volume", "copy")).Expect(0).Last;
        Assert.True(imported.GetProperty("verified").GetBoolean());
        Assert.Equal(s_sparse, await File.ReadAllBytesAsync(world.VolumePath("copy")));
        Assert.InRange(await ImageFiles.AllocatedAsync(world.VolumePath("copy")), 210_000, SparseLength / 10);
        Assert.InRange(imported.GetProperty("writtenBytes").GetInt64(), 210_000, 600_000);
    }

    [Fact]
    public async Task A_snapshot_becomes_a_qcow2_file_that_QEMU_finds_sound_and_a_volume_again_without_any_vault()
    {
        ImageFiles.NeedQemu();
        var (made, _) = await MakeAsync();
        await using var world = made;
        var snapshot = Assert.Single(await world.SnapshotNamesAsync());
        var file = world.Vault["images/vda.qcow2"];
        var exported = (await world.OnCloudAsync("export-image", "--snapshot", snapshot, "--server", "web-1", "--volume", "vda", "--to",
            file))
            .Expect(0).Last;
        Assert.Equal(("qcow2", ImageFiles.DigestOf(s_sparse)),
            (exported.GetProperty("format").GetString(), exported.GetProperty("sha256").GetString()));
        Assert.Equal(["vda.qcow2", "vda.qcow2.raw-sha256"], FilesIn(world));
        Assert.Equal("600", await ImageFiles.ModeAsync(file));
        Assert.InRange(new FileInfo(file).Length, 210_000, 2_000_000);
        await ImageFiles.CheckQcow2Async(file, s_sparse);
        // The digest file names what 'qemu-img convert' makes.
        (await ImageFiles.QemuAsync("convert", "-f", "qcow2", "-O", "raw", file, $"{file}.raw")).Expect(0);
        await ImageFiles.CheckDigestFileAsync($"{file}.raw-sha256");
        File.Delete($"{file}.raw");

        var imported = (await world.OnCloudAsync("import-image", file, "--new-volume", "copy")).Expect(0).Last;
        Assert.True(imported.GetProperty("verified").GetBoolean());
        Assert.Equal(s_sparse, await File.ReadAllBytesAsync(world.VolumePath("copy")));
        Assert.Equal(["vda.qcow2", "vda.qcow2.raw-sha256"], FilesIn(world));

        // The same volume by its storage's name, as raw.
        (await world.OnCloudAsync("export-image", "--snapshot", snapshot, "--volume", "vdb", "--to", world.Vault["images/vdb"])).Expect(0);
        Assert.Equal(s_odd, await File.ReadAllBytesAsync(world.Vault["images/vdb"]));
    }

    [Fact]
    public async Task A_compressed_qcow2_file_of_somebody_else_is_imported_and_unpacked_elsewhere_when_asked()
    {
        ImageFiles.NeedQemu();
        var (made, point) = await MakeAsync();
        await using var world = made;
        var (raw, qcow2, scratch) = (world.Vault["images/a.raw"], world.Vault["images/odd, name:=1.qcow2"], world.Vault["scratch"]);
        Directory.CreateDirectory(scratch);
        (await world.ExportAsync(point, raw, "--volume", "vda")).Expect(0);
        (await ImageFiles.QemuAsync("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compat=0.10", raw, qcow2)).Expect(0);
        var imported = (await world.OnCloudAsync("import-image", qcow2, "--new-volume", "copy", "--scratch", scratch)).Expect(0).Last;
        Assert.False(imported.GetProperty("verified").GetBoolean());
        Assert.Equal(s_sparse, await File.ReadAllBytesAsync(world.VolumePath("copy")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(scratch));
    }

    [Fact]
    public async Task What_cannot_be_exported_is_refused_and_nothing_is_written()
    {
        var (made, point) = await MakeAsync();
        await using var world = made;
        var there = world.Vault["images/there"];
        await File.WriteAllTextAsync(there, "mine");
        ImageFiles.ExpectOneLine(await world.ExportAsync(point, there, "--volume", "vda"), "there is a");
        Assert.Equal("mine", await File.ReadAllTextAsync(there));
        var foreign = world.Vault["images/e.sha256"];
        foreach (var content in (string[])["precious\n", $"{new string('a', 64)}  other.raw\n",
            $"{new string('a', 64)}  e\n{new string('b', 64)}  f\n"])
        {
            await File.WriteAllTextAsync(foreign, content);
            ImageFiles.ExpectOneLine(await world.ExportAsync(point, world.Vault["images/e"], "--volume", "vda"), "there is a");
            Assert.Equal(content, await File.ReadAllTextAsync(foreign));
        }
        // As an export that was killed before the image had its name leaves it.
        await File.WriteAllTextAsync(foreign, $"{new string('a', 64)}  e\n");
        (await world.ExportAsync(point, world.Vault["images/e"], "--volume", "vda")).Expect(0);
        await ImageFiles.CheckDigestFileAsync(foreign);
        File.CreateSymbolicLink(world.Vault["images/link"], "nowhere");
        ImageFiles.ExpectOneLine(await world.ExportAsync(point, world.Vault["images/link"], "--volume", "vda"), "there is a");
        ImageFiles.ExpectOneLine(await world.ExportAsync(point, world.Vault["nofolder/a"], "--volume", "vda"), "there is no folder");
        ImageFiles.ExpectOneLine(await world.ExportAsync(point, world.Vault["images/b.qcow2"], "--volume", "vdb"), "as raw");
        ImageFiles.ExpectOneLine(await world.ExportAsync(point, world.Vault["images/c"], "--volume", "vdz"), "has no volume vdz");
        (await world.ExportAsync(point, world.Vault["images/d"])).Expect(2);
        (await world.ExportAsync(point, world.Vault["images/d"], "--volume", "vda", "--format", "vmdk")).Expect(2);
        (await world.OnCloudAsync("export-image", "--volume", "vda", "--to", world.Vault["images/d"])).Expect(2);
        ImageFiles.ExpectOneLine(await world.OnCloudAsync("export-image", "--snapshot", "vb-none", "--volume", "vda", "--to",
            world.Vault["images/d"]), "vb-none");
        Assert.Equal(["e", "e.sha256", "link", "there"], FilesIn(world));
    }

    [Fact]
    public async Task Without_qemu_img_it_is_said_which_package_has_it()
    {
        var (made, point) = await MakeAsync();
        await using var world = made;
        var arguments = world.ExportArguments(point, world.Vault["images/a.qcow2"], "--volume", "vda");
        ImageFiles.ExpectOneLine(await CliProcess.RunAsync(arguments, new Dictionary<string, string?> { ["PATH"] = "/nowhere" }),
            "qemu-utils");
        Assert.Empty(FilesIn(world));
    }

    static string[] FilesIn(EdgeWorld world) =>
        [.. Directory.EnumerateFileSystemEntries(world.Vault["images"]).Select(path =>
            Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
