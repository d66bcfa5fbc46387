using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Images;

/// <summary>Files that are not what they should be make no volume.</summary>
public sealed class HostileImageTests
{
    static readonly byte[] s_content = Contents.Mixed(1, 1 << 20);

    static Task<EdgeWorld> MakeAsync() => EdgeWorld.OfLabCloudAsync("web-1", ("vda", s_content));

    static async Task ExpectRefusedAsync(EdgeWorld world, string reason, params string[] import)
    {
        ImageFiles.ExpectOneLine(await world.OnCloudAsync(["import-image", .. import, "--new-volume", "new"]), reason);
        Assert.Equal(["vda.raw"], Directory.EnumerateFiles(world.Vault["cloud/volumes"], "*.raw").Select(path => Path.GetFileName(path)));
        Assert.Empty(Directory.EnumerateFiles(world.Vault.Folder, "*.vbackup-part"));
    }

    [Theory]
    [InlineData(new[] { "-b", "/etc/shadow", "-F", "raw" }, "it names a backing file")]
    [InlineData(new[] { "-b", "nbd://127.0.0.1:1/x", "-F", "raw", "-u" }, "it names a backing file")]
    [InlineData(new[] { "-o", "data_file=data.raw,data_file_raw=on" }, "it keeps its data in another file")]
    [InlineData(new[] { "--object", "secret,id=s,data=x", "-o", "encrypt.format=aes,encrypt.key-secret=s" }, "it is encrypted")]
    public async Task A_qcow2_file_that_does_not_stand_for_itself_is_refused(string[] options, string reason)
    {
        ImageFiles.NeedQemu();
        await using var world = await MakeAsync();
        var file = world.Vault["a.qcow2"];
        (await CliProcess.RunAsync(["create", "-f", "qcow2", .. options, file, "1M"], program: "/usr/bin/qemu-img",
            folder: world.Vault.Folder)).Expect(0);
        await ExpectRefusedAsync(world, reason, file);
    }

    // By its header: qemu-img measures the processor for the key of one, and now and then cannot.
    [Fact]
    public async Task A_qcow2_file_that_is_encrypted_by_luks_is_refused()
    {
        ImageFiles.NeedQemu();
        await using var world = await MakeAsync();
        var file = world.Vault["a.qcow2"];
        (await ImageFiles.QemuAsync("create", "-f", "qcow2", file, "1M")).Expect(0);
        var bytes = await File.ReadAllBytesAsync(file);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), 2);
        await File.WriteAllBytesAsync(file, bytes);
        await ExpectRefusedAsync(world, "it is encrypted", file);
    }

    [Fact]
    public async Task What_is_no_qcow2_file_is_not_taken_for_one_nor_the_other_way_round()
    {
        ImageFiles.NeedQemu();
        await using var world = await MakeAsync();
        var file = world.Vault["image"];
        await ExpectRefusedAsync(world, "is not a qcow2 file", world.VolumePath("vda"), "--format", "qcow2");
        await File.WriteAllBytesAsync(file, "QFI\u00fb"u8.ToArray());
        await ExpectRefusedAsync(world, "is not a qcow2 file", file, "--format", "qcow2");
        (await ImageFiles.QemuAsync("create", "-f", "qcow2", "-b", "/etc/shadow", "-F", "raw", file, "1M")).Expect(0);
        await ExpectRefusedAsync(world, "begins as qcow2 files do", file);
        // A guest may have written that to the start of its disk: it is its content, and nothing else.
        (await world.OnCloudAsync("import-image", file, "--format", "raw", "--new-volume", "new")).Expect(0);
        Assert.Equal(await File.ReadAllBytesAsync(file), await File.ReadAllBytesAsync(world.VolumePath("new")));
    }

    [Theory]
    [InlineData(0ul, "1 to 64.0 TiB are possible")]
    [InlineData(1ul << 50, "1 to 64.0 TiB are possible")]
    public async Task A_length_that_cannot_be_is_refused(ulong length, string reason)
    {
        ImageFiles.NeedQemu();
        await using var world = await MakeAsync();
        var file = world.Vault["a.qcow2"];
        (await ImageFiles.QemuAsync("create", "-f", "qcow2", file, "1M")).Expect(0);
        var bytes = await File.ReadAllBytesAsync(file);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(24), length);
        await File.WriteAllBytesAsync(file, bytes);
        await ExpectRefusedAsync(world, reason, file);
    }

    [Fact]
    public async Task A_qcow2_file_that_was_cut_off_is_refused_and_not_filled_up_with_zeros()
    {
        ImageFiles.NeedQemu();
        await using var world = await MakeAsync();
        var file = world.Vault["a.qcow2"];
        (await ImageFiles.QemuAsync("convert", "-f", "raw", "-O", "qcow2", world.VolumePath("vda"), file)).Expect(0);
        await using (var cut = File.OpenWrite(file)) cut.SetLength(200_000);
        await ExpectRefusedAsync(world, "damaged, or not whole", file);
    }

    [Fact]
    public async Task An_image_that_is_not_what_its_digest_says_leaves_no_volume()
    {
        await using var world = await MakeAsync();
        var point = (await world.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!;
        var file = world.Vault["a.raw"];
        (await world.ExportAsync(point, file)).Expect(0);
        await using (var altered = File.OpenWrite(file))
        {
            altered.Position = 500_000;
            altered.WriteByte((byte)(s_content[500_000] ^ 1));
        }
        await ExpectRefusedAsync(world, "not what its digest says", file);
        await ExpectRefusedAsync(world, "not what its digest says", file, "--sha256", ImageFiles.DigestOf(s_content));
        (await world.OnCloudAsync("import-image", file, "--new-volume", "new", "--sha256", "abc")).Expect(2);
        await File.WriteAllTextAsync(file + ".sha256", "nonsense\n");
        await ExpectRefusedAsync(world, "holds no SHA-256", file);
        // In a list it is the line of this very name.
        var as_it_is = ImageFiles.DigestOf(await File.ReadAllBytesAsync(file));
        await File.WriteAllTextAsync(file + ".sha256", $"{new string('0', 64)}  old-a.raw\n{as_it_is} *a.raw\n");
        (await world.OnCloudAsync("import-image", file, "--new-volume", "listed")).Expect(0);
        File.Delete(world.VolumePath("listed"));
        await File.WriteAllTextAsync(file + ".sha256", $"{as_it_is}  old-a.raw\n{as_it_is}  b.raw\n");
        await ExpectRefusedAsync(world, "holds no SHA-256", file);
        // What is said on the command line counts.
        (await world.OnCloudAsync("import-image", file, "--new-volume", "new", "--sha256", as_it_is.ToUpperInvariant())).Expect(0);
    }

    [Fact]
    public async Task Names_that_are_taken_and_files_that_hold_nothing_are_refused()
    {
        await using var world = await MakeAsync();
        var file = world.Vault["a.raw"];
        await File.WriteAllBytesAsync(file, s_content);
        ImageFiles.ExpectOneLine(await world.OnCloudAsync("import-image", file, "--new-volume", "vda"), "there is a volume vda already");
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        await File.WriteAllBytesAsync(file, []);
        await ExpectRefusedAsync(world, "is empty", file);
        await ExpectRefusedAsync(world, "is a folder", world.Vault.Folder);
        await ExpectRefusedAsync(world, "no such file", world.Vault["nothing"]);
    }
}
