using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Images;

/// <summary>Exports and imports that are stopped, killed, or run out of space.</summary>
public sealed class StoppedImageTests
{
    static readonly byte[] s_content = Contents.Incompressible(1, 24 << 20);
    static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(20);

    static async Task<(EdgeWorld World, string Point)> MakeAsync()
    {
        var world = await EdgeWorld.OfLabCloudAsync("web-1", ("vda", s_content));
        Directory.CreateDirectory(world.Vault["images"]);
        return (world, (await world.BackUpAsync()).Expect(0).Last.GetProperty("point").GetString()!);
    }

    /// <summary>Does something to a slow export when it has written some.</summary>
    static async Task<Ended> InMidExportAsync(EdgeWorld world, string point, string file, Func<CliProcess, Task> act)
    {
        var moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var run = CliProcess.Start(world.ExportArguments(point, file, "--limit-rate", "5MiB"), folder: world.Vault.Folder,
            onOutput: (_, line) =>
            {
                if (line.Contains("\"progress\"", StringComparison.Ordinal)) moving.TrySetResult();
            });
        Assert.True(await run.ComesBeforeEndAsync(moving.Task), "it ended before it showed progress");
        await act(run);
        return await run.WaitAsync();
    }

    static string[] FilesIn(EdgeWorld world) =>
        [.. Directory.EnumerateFiles(world.Vault["images"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public async Task A_killed_export_leaves_no_file_of_its_name_and_the_next_one_tidies_up()
    {
        var (made, point) = await MakeAsync();
        await using var world = made;
        var file = world.Vault["images/a.raw"];
        var killed = await InMidExportAsync(world, point, file, async run =>
        {
            await run.SignalAsync("STOP");
            // Meanwhile nobody else writes the same, nor takes it for a leftover.
            ImageFiles.ExpectOneLine(await world.ExportAsync(point, file), "is being written or read by another program");
            (await world.ExportAsync(point, world.Vault["images/b.raw"])).Expect(0);
            Assert.Contains(".a.raw.vbackup-part", FilesIn(world));
            run.Kill();
        });
        killed.Expect(137);
        Assert.Equal([".a.raw.vbackup-part", "b.raw", "b.raw.sha256"], FilesIn(world));
        (await world.ExportAsync(point, world.Vault["images/c.raw"])).Expect(0);
        Assert.Equal(["b.raw", "b.raw.sha256", "c.raw", "c.raw.sha256"], FilesIn(world));
        (await world.ExportAsync(point, file)).Expect(0);
        Assert.Equal(s_content, await File.ReadAllBytesAsync(file));
    }

    [Fact]
    public async Task An_export_that_is_stopped_leaves_nothing()
    {
        var (made, point) = await MakeAsync();
        await using var world = made;
        var stopped = (await InMidExportAsync(world, point, world.Vault["images/a.qcow2"], run => run.SignalAsync("INT"))).Expect(1);
        Assert.StartsWith("vbackup: stopped", Assert.Single(stopped.Errors), StringComparison.Ordinal);
        Assert.Empty(FilesIn(world));
    }

    [Fact]
    public async Task An_import_that_is_stopped_leaves_no_volume()
    {
        await using var world = await EdgeWorld.OfLabCloudAsync("web-1", ("vda", s_content));
        var file = world.Vault["a.raw"];
        // Nearly all of it is holes, which are read at once, and hashed for a long time.
        await using (var sparse = File.Create(file)) sparse.SetLength(64L << 30);
        await using var run = CliProcess.Start(
            ["edge", "import-image", file, "--new-volume", "new", "--cloud", world.Config, "--json"], folder: world.Vault.Folder);
        Assert.True(await run.ComesBeforeEndAsync(AppearsAsync(world.VolumePath("new"))), "it ended before it had made the volume");
        await run.SignalAsync("INT");
        var stopped = (await run.WaitAsync()).Expect(1);
        Assert.Contains("the incomplete new was removed", Assert.Single(stopped.Errors), StringComparison.Ordinal);
        Assert.False(File.Exists(world.VolumePath("new")));
    }

    static async Task AppearsAsync(string path)
    {
        while (!File.Exists(path)) await Task.Delay(s_step, TimeProvider.System);
    }

    [Theory]
    [InlineData("a.raw", "size=9m")]
    [InlineData("a.qcow2", "size=9m")]
    [InlineData("a.qcow2", "size=30m")] // The raw content fits, the qcow2 file beside it does not.
    public async Task A_full_disk_is_told_in_one_line_and_nothing_is_left(string name, string size)
    {
        ImageFiles.NeedQemu();
        Assert.SkipUnless(Environment.UserName == "root", "needs root to mount a small tmpfs");
        var (made, point) = await MakeAsync();
        await using var world = made;
        var mounted = await CliProcess.RunAsync(["-t", "tmpfs", "-o", size, "none", world.Vault["images"]], program: "/bin/mount");
        Assert.SkipUnless(mounted.Status == 0, $"no file system can be mounted here: {string.Join(' ', mounted.Errors)}");
        try
        {
            var full = (await world.ExportAsync(point, world.Vault[$"images/{name}"])).Expect(1);
            Assert.Contains("no space left", Assert.Single(full.Errors), StringComparison.OrdinalIgnoreCase);
            Assert.Empty(FilesIn(world));
        }
        finally
        {
            (await CliProcess.RunAsync([world.Vault["images"]], program: "/bin/umount")).Expect(0);
        }
    }
}
