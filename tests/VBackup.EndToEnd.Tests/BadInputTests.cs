using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>One vault with a point, for all bad inputs.</summary>
public sealed class SoundVault : IAsyncLifetime
{
    internal CliVault Vault { get; private set; } = null!;
    internal string Point => Vault.Complete.Keys.First();

    public async ValueTask InitializeAsync()
    {
        Vault = await CliVault.MakeAsync();
        await Vault.BackUpAsync(Contents.Mixed(1, 300_000));
        await Vault.BackUpAsync(Contents.Mixed(2, 300_000));
        (await CliProcess.RunAsync(["key", "new", Vault["other-key"]])).Expect(0);
        Directory.CreateDirectory(Vault["plain"]);
        Directory.CreateDirectory(Vault["version9"]);
        Directory.CreateDirectory(Vault["no-header"]);
        var header = await File.ReadAllBytesAsync(Path.Combine(Vault.VaultFolder, "vault"));
        header[8] = 9;
        await File.WriteAllBytesAsync(Path.Combine(Vault["version9"], "vault"), header);
        await File.WriteAllTextAsync(Path.Combine(Vault["no-header"], "vault"), "a shopping list");
        await File.WriteAllTextAsync(Vault["far.json"], """[{"offset":290000,"length":10001}]""");
        await File.WriteAllTextAsync(Vault["overlap.json"], """[{"offset":0,"length":100},{"offset":50,"length":100}]""");
        await File.WriteAllTextAsync(Vault["broken.json"], """[{"offset":0,""");
        await File.WriteAllTextAsync(Vault["null.json"], " null\n");
        await File.WriteAllTextAsync(Vault["twice.json"], """[{"offset":0,"offset":100,"length":100}]""");
        await File.WriteAllTextAsync(Vault["passphrase"], "not it\n");
        await File.WriteAllTextAsync(Vault["empty"], "");
        await File.WriteAllTextAsync(Vault["words"], "some words that are no key");
        // A target whose size cannot change: a full device of the system.
        File.CreateSymbolicLink(Vault["link-to-source"], Vault.Source);
        File.CreateSymbolicLink(Vault["link-to-nothing"], "nothing");
    }

    public ValueTask DisposeAsync() => Vault.DisposeAsync();
}

/// <summary>Every bad input gets one line on standard error that names what is wrong, and its exit status.</summary>
public sealed class BadInputTests(SoundVault sound) : IClassFixture<SoundVault>
{
    const string On = "--vault vault --key-file key";

    [Theory]
    [InlineData(1, "no such file: *nowhere.img", "vault backup " + On + " --name s --volume disk=nowhere.img")]
    [InlineData(1, "*plain is a folder*", "vault backup " + On + " --name s --volume disk=plain")]
    [InlineData(1, "*nowhere*no such folder*", "vault list --vault nowhere --key-file key")]
    [InlineData(1, "*plain is not a vault: check the location, or make one*", "vault list --vault plain --key-file key")]
    [InlineData(1, "*vault*", "vault list --vault no-header --key-file key")]
    [InlineData(1, "*format version 9*version 1*newer*", "vault list --vault version9 --key-file key")]
    [InlineData(1, "this key does not open the vault at *: give the one*", "vault list --vault vault --key-file other-key")]
    [InlineData(1, "this passphrase does not open the vault*", "vault list --vault vault --passphrase-file passphrase")]
    [InlineData(1, "empty is empty*", "vault list --vault vault --passphrase-file empty")]
    [InlineData(1, "words is not a key file: *", "vault list --vault vault --key-file words")]
    [InlineData(1, "no such file: *nokey", "vault list --vault vault --key-file nokey")]
    [InlineData(2, "give --key-file FILE or --passphrase-file FILE", "vault list --vault vault")]
    [InlineData(2, "*not both", "vault list --vault vault --key-file key --passphrase-file passphrase")]
    [InlineData(2, "--target disk.img is what volume disk was backed up from: *", "vault restore POINT " + On + " --target disk.img")]
    [InlineData(2, "--target link-to-source is what volume disk*", "vault restore POINT " + On + " --target link-to-source")]
    [InlineData(2, "--target vault/packs/x lies in the vault's own folder*", "vault restore POINT " + On + " --target vault/packs/x")]
    [InlineData(2, "--target key is the key file*", "vault restore POINT " + On + " --target key")]
    [InlineData(1, "plain is a folder*", "vault restore POINT " + On + " --target plain")]
    [InlineData(1, "no such folder on the way to *nodir/x", "vault restore POINT " + On + " --target nodir/x")]
    [InlineData(1, "point * has no volume other; it has disk", "vault restore POINT " + On + " --target x --volume other")]
    [InlineData(1, "there is no point ffffffffffffffffffffffffffffffff*'vault list'*", "vault restore ffffffffffffffffffffffffffffffff "
        + On + " --target x")]
    [InlineData(1, "'ff' is not a point*at least its first 4 digits", "vault show ff " + On)]
    [InlineData(1, "there is no point *'vault list'*", "vault delete 0000000 " + On)]
    [InlineData(1, "far.json does not fit volume disk: *past the volume's end at 300000*", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=far.json")]
    [InlineData(1, "overlap.json does not fit volume disk: *overlaps*", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=overlap.json")]
    [InlineData(1, "broken.json is not a list of extents*line 1*", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=broken.json")]
    [InlineData(1, "twice.json is not a list of extents like *", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=twice.json")]
    [InlineData(2, "null.json is not a list of extents: it must begin with '[', *", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=null.json")]
    [InlineData(2, "empty is not a list of extents: *", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed disk=empty")]
    [InlineData(1, "null.json must hold a JSON object*", "vault backup " + On + " --name s --volume disk=disk.img --metadata null.json")]
    [InlineData(1, "/proc/version *: name an image file or a block device", "vault backup " + On + " --name s --volume disk=/proc/version")]
    [InlineData(1, "link-to-nothing is a link to nothing, which is not there: *", "vault restore POINT " + On
        + " --target link-to-nothing")]
    [InlineData(2, "FILE is empty: give it a value (see 'vbackup key new --help')", "key new ")]
    [InlineData(2, "--key-file is empty: give it a value*", "vault list --vault vault --key-file ")]
    [InlineData(2, "--target is empty: give it a value*", "vault restore POINT " + On + " --target ")]
    [InlineData(2, "*--metadata*", "vault backup " + On + " --name s --volume disk=disk.img --metadata=")]
    [InlineData(2, "--source zzz=disk.img: no point has a volume zzz; there are disk", "vault repair " + On + " --source zzz=disk.img")]
    [InlineData(2, "*give --base POINT too", "vault backup " + On + " --name s --volume disk=disk.img --changed disk=far.json")]
    [InlineData(2, "*names no volume of this backup", "vault backup " + On
        + " --name s --volume disk=disk.img --base POINT --changed x=far.json")]
    [InlineData(2, "--volume names disk twice", "vault backup " + On + " --name s --volume disk=disk.img --volume disk=key")]
    [InlineData(2, "*the same source link-to-source*", "vault backup " + On + " --name s --volume disk=disk.img --volume b=link-to-source")]
    [InlineData(2, "*another form than NAME=PATH", "vault backup " + On + " --name s --volume disk.img")]
    [InlineData(2, "*--name*required*", "vault backup " + On + " --volume disk=disk.img")]
    [InlineData(2, "--chunk-size 5000 is not a chunk size: give a power of two*",
        "vault init --vault new --key-file key --chunk-size 5000")]
    [InlineData(2, "--chunk-size 8MiB is not a chunk size*", "vault init --vault new --key-file key --chunk-size 8MiB")]
    [InlineData(1, "there is a vault at *vault already", "vault init " + On)]
    [InlineData(1, "* is not empty (it holds *", "vault init --vault . --key-file key")]
    [InlineData(2, "--session-timeout soon is not a time*", "vault gc " + On + " --session-timeout soon")]
    [InlineData(2, "--limit-rate x is not a rate*", "vault list " + On + " --limit-rate x")]
    [InlineData(2, "*frobnicate*", "vault frobnicate")]
    [InlineData(2, "*--frobnicate*", "vault list " + On + " --frobnicate")]
    [InlineData(1, "key exists already: a key is never overwritten*", "key new key")]
    [InlineData(1, "no such folder on the way to *nodir/k", "key new nodir/k")]
    [InlineData(1, "no such file: *nowhere.img", "vault repair " + On + " --source disk=nowhere.img")]
    [InlineData(1, "*ftp://x*", "vault list --vault ftp://x --key-file key")]
    [InlineData(2, "--keep words is a file*", "demo --keep words")]
    public async Task A_bad_input_gets_one_line_that_names_it(int status, string line, string command)
    {
        var arguments = command.Replace("POINT", sound.Point, StringComparison.Ordinal).Split(' ');
        Refuses(await CliProcess.RunAsync(arguments, folder: sound.Vault.Folder), status, line);
        Assert.False(File.Exists(sound.Vault["x"]), "a target was made");
        Assert.Equal("nothing", new FileInfo(sound.Vault["link-to-nothing"]).LinkTarget);
    }

    [Fact]
    public async Task A_start_that_two_points_share_is_refused_as_ambiguous()
    {
        await using var vault = await CliVault.MakeAsync();
        await vault.BackUpAsync([1, 2, 3]);
        // Ids are random, so a point of another name with the same start takes a copy; it does not decrypt, which would be
        // told too. So it is enough that a start of the two is never taken for one of them.
        var point = vault.Complete.Keys.Single();
        var twin = point[..8] + new string(point[8] == '0' ? '1' : '0', 24);
        File.Copy(Path.Combine(vault.VaultFolder, "points", point), Path.Combine(vault.VaultFolder, "points", twin));
        var refused = await vault.RunAsync("delete", point[..8]);
        Assert.NotEqual(0, refused.Status);
        Assert.Single(refused.Errors);
        Assert.True(File.Exists(Path.Combine(vault.VaultFolder, "points", point)));
    }

    [Fact]
    public async Task A_device_smaller_than_the_volume_is_refused()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root for a loop device");
        var image = sound.Vault["small.img"];
        await File.WriteAllBytesAsync(image, new byte[64 * 1024]);
        var made = await CliProcess.RunAsync(["--find", "--show", image], program: "/usr/sbin/losetup");
        Assert.SkipUnless(made.Status == 0, $"no loop device is to be had here: {string.Join(' ', made.Errors)}");
        try
        {
            Refuses(await CliProcess.RunAsync(
                ["vault", "restore", sound.Point, "--vault", "vault", "--key-file", "key", "--target", made.Output[0]],
                    folder: sound.Vault.Folder),
                1, "*has 65536 bytes, the volume 300000: the target is smaller than the volume");
        }
        finally
        {
            (await CliProcess.RunAsync(["--detach", made.Output[0]], program: "/usr/sbin/losetup")).Expect(0);
        }
    }

    [Fact]
    public async Task An_S3_without_credentials_says_which_variable_is_missing() =>
        Refuses(await OnS3Async("s3://bucket/x", ("AWS_ACCESS_KEY_ID", null), ("AWS_SECRET_ACCESS_KEY", null)), 1,
            "*AWS_ACCESS_KEY_ID is not set*");

    [Fact]
    public async Task An_S3_that_nobody_listens_at_is_named_unreachable() =>
        Refuses(await OnS3Async("s3://bucket/x", ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"), ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b")), 1, "the vault's store cannot be reached, try again later: *");

    [Fact]
    public async Task An_S3_that_refuses_the_credentials_is_said_to_refuse()
    {
        Needs.S3();
        await using var bucket = await S3Bucket.MakeAsync();
        Refuses(await OnS3Async($"s3://{bucket.Name}/x", ("AWS_ENDPOINT_URL_S3", S3Bucket.Endpoint), ("AWS_SECRET_ACCESS_KEY", "wrong")),
            1, "the vault's store refuses: *");
        Refuses(await OnS3Async("s3://no-such-bucket-anywhere/x", ("AWS_ENDPOINT_URL_S3", S3Bucket.Endpoint)), 1,
            "*no-such-bucket-anywhere*");
        Refuses(await OnS3Async($"s3://{bucket.Name}/x", ("AWS_ENDPOINT_URL_S3", S3Bucket.Endpoint)), 1, "* is not a vault: *");
    }

    Task<Ended> OnS3Async(string location, params (string Name, string? Value)[] variables) => CliProcess.RunAsync(
        ["vault", "list", "--vault", location, "--key-file", "key"],
        variables.ToDictionary(item => item.Name, item => item.Value), folder: sound.Vault.Folder);

    static void Refuses(Ended ended, int status, string line)
    {
        ended.Expect(status);
        var said = Assert.Single(ended.Errors);
        Assert.StartsWith("vbackup: ", said, StringComparison.Ordinal);
        var pattern = "^" + System.Text.RegularExpressions.Regex.Escape(line).Replace("\\*", ".*", StringComparison.Ordinal) + "$";
        Assert.Matches(pattern, said["vbackup: ".Length..]);
    }
}
