using System.Security.Cryptography;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge.Running;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Volumes of points become image files of the project's folder, and such files new volumes.</summary>
public sealed class ImageRunTests
{
    // Whole sectors, as qcow2 needs them.
    static readonly byte[] s_content = Content(1, 300 * 1024);

    [Theory]
    [InlineData("web.raw")]
    [InlineData("web.qcow2")]
    public async Task A_volume_of_a_point_goes_to_a_file_and_comes_back_as_a_new_volume(string file)
    {
        Assert.SkipUnless(file.EndsWith(".raw", StringComparison.Ordinal) || ExternalProgram.FindOrNull("qemu-img") is not null,
            "needs qemu-img");
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        var export = world.Portal.Run(await ExportAsync(world, point, file));
        Assert.Equal((RunKind.ExportImage, RunState.Succeeded, null, $"file {file}"),
            (export.Kind, export.State, export.Error, export.Target));
        var digest = Convert.ToHexStringLower(SHA256.HashData(s_content));
        Assert.Contains(export.Notes, note => note.Contains(digest, StringComparison.Ordinal));
        var ending = file.EndsWith(".qcow2", StringComparison.Ordinal) ? ".raw-sha256" : ".sha256";
        Assert.Contains(digest, await File.ReadAllTextAsync(PathOf(world, file + ending)), StringComparison.Ordinal);

        var import = world.Portal.Run(await ImportAsync(world, server, file, "copy"));
        Assert.Equal((RunKind.ImportImage, RunState.Succeeded, null, "volume copy"),
            (import.Kind, import.State, import.Error, import.Target));
        Assert.Equal((null, null), (import.Location, import.Point));
        // All was written, and read back.
        foreach (var run in (RunChanged[])[export, import])
            Assert.Equal((s_content.Length, s_content.Length, s_content.Length), (run.DoneBytes, run.TotalBytes, run.CheckedBytes));
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.VolumePath("copy")));
    }

    [Fact]
    public async Task What_an_attempt_made_whose_worker_died_is_the_runs_file_and_twice_makes_one()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, _) = await BackUpAsync(world);
        var run = await TellExportAsync(world, point, "web.raw");
        await DieBehindTheLastStepAsync(world);
        File.Delete(PathOf(world, "web.raw.sha256"));
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(run).State, world.Portal.Run(run).Error));
        Assert.Equal(RunState.Succeeded, world.Portal.Run(await ExportAsync(world, point, "web.raw")).State);
        Assert.Equal(["web.raw", "web.raw.sha256"], FilesOf(world));
    }

    [Fact]
    public async Task What_an_attempt_left_half_made_is_made_anew_by_the_next()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        var run = await TellImportAsync(world, server, "web.raw", "copy");
        await DieBehindTheLastStepAsync(world);
        await File.WriteAllBytesAsync(world.VolumePath("copy"), new byte[4096]);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, null), (world.Portal.Run(run).State, world.Portal.Run(run).Error));
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.VolumePath("copy")));
    }

    [Fact]
    public async Task What_a_worker_made_of_an_image_that_died_goes_when_its_run_is_cancelled()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        var run = await TellImportAsync(world, server, "web.raw", "copy");
        await DieBehindTheLastStepAsync(world);
        await world.TellBackupAsync(new CancelRun(run, world.Project), MessageJson.Default.CancelRun);
        await world.SettleAsync();
        Assert.Equal((RunState.Cancelled, "it was cancelled; the incomplete copy was removed"),
            (world.Portal.Run(run).State, world.Portal.Run(run).Error));
        Assert.False(File.Exists(world.VolumePath("copy")));
    }

    [Fact]
    public async Task Nothing_that_is_there_is_overwritten()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        var other = Content(2, s_content.Length);
        await File.WriteAllBytesAsync(PathOf(world, "other.raw"), other);
        Fails(world, await ExportAsync(world, point, "other.raw"), "which holds something else");
        Assert.Equal(other, await File.ReadAllBytesAsync(PathOf(world, "other.raw")));
        Fails(world, await ImportAsync(world, server, "web.raw", "web-vda"), "there is a volume web-vda already");
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.VolumePath("web-vda")));
    }

    [Fact]
    public async Task A_file_that_is_not_what_its_digest_says_becomes_no_volume()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        await File.WriteAllBytesAsync(PathOf(world, "web.raw"), Content(2, s_content.Length));
        Fails(world, await ImportAsync(world, server, "web.raw", "copy"), "is not what its digest says");
        Assert.False(File.Exists(world.VolumePath("copy")));
    }

    [Fact]
    public async Task Images_whose_names_are_alike_have_a_digest_each()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.qcow2");
        await File.WriteAllBytesAsync(world.VolumePath("web-vda"), Content(2, s_content.Length));
        var later = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        await ExportAsync(world, later.Point, "web.qcow2.raw");
        Assert.Equal(["web.qcow2", "web.qcow2.raw", "web.qcow2.raw-sha256", "web.qcow2.raw.sha256"], FilesOf(world));
        foreach (var (file, name) in ((string, string)[])[("web.qcow2", "first"), ("web.qcow2.raw", "second")])
        {
            var run = world.Portal.Run(await ImportAsync(world, server, file, name));
            Assert.Equal((RunState.Succeeded, null), (run.State, run.Error));
        }
    }

    [Fact]
    public async Task A_digest_under_the_name_that_it_had_in_earlier_versions_is_found()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.qcow2");
        File.Delete(PathOf(world, "web.qcow2.raw-sha256"));
        await File.WriteAllTextAsync(PathOf(world, "web.qcow2.raw.sha256"), $"{new string('0', 64)}  web.qcow2.raw\n");
        Fails(world, await ImportAsync(world, server, "web.qcow2", "copy"), "is not what its digest says");
        // Beside a raw file of that name it is that one's.
        await File.WriteAllBytesAsync(PathOf(world, "web.qcow2.raw"), s_content);
        var run = world.Portal.Run(await ImportAsync(world, server, "web.qcow2", "copy"));
        Assert.Equal((RunState.Succeeded, null), (run.State, run.Error));
    }

    [Theory]
    [InlineData("pipe.raw", "pipe.raw is no file")]
    [InlineData("web.raw", "is a pipe, a socket or a device; name a file")]
    public async Task A_pipe_in_the_folder_for_images_holds_nobody_up(string file, string reason)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        File.Delete(PathOf(world, "web.raw.sha256"));
        foreach (var pipe in (string[])["pipe.raw", "web.raw.sha256"])
        {
            using var making = System.Diagnostics.Process.Start("mkfifo", PathOf(world, pipe));
            await making.WaitForExitAsync();
        }
        // At once, and not after five attempts.
        Fails(world, await ImportAsync(world, server, file, "copy"), reason);
        Fails(world, await ExportAsync(world, point, file), reason);
        Assert.False(File.Exists(world.VolumePath("copy")));
    }

    [Theory]
    [InlineData("../other.raw")]
    [InlineData("/etc/passwd")]
    [InlineData(".hidden")]
    [InlineData("link.raw")]
    [InlineData("dangling.raw")]
    public async Task No_name_and_no_link_leads_out_of_the_projects_folder(string file)
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        await File.WriteAllBytesAsync(world.Path("images/other.raw"), s_content);
        File.CreateSymbolicLink(PathOf(world, "link.raw"), world.Path("images/other.raw"));
        File.CreateSymbolicLink(PathOf(world, "dangling.raw"), world.Path("images/none.raw"));
        foreach (var run in (RunId[])[await ExportAsync(world, point, file), await ImportAsync(world, server, file, "copy")])
        {
            Assert.Equal(RunState.Failed, world.Portal.Run(run).State);
            Assert.Matches("is no name of an image file|leads out of the project's folder", world.Portal.Run(run).Error);
        }
        Assert.False(File.Exists(world.Path("images/none.raw")));
        Assert.Equal(s_content, await File.ReadAllBytesAsync(world.Path("images/other.raw")));
        Assert.False(File.Exists(world.VolumePath("copy")));
    }

    [Fact]
    public async Task Another_project_finds_neither_the_point_nor_the_file()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        await ExportAsync(world, point, "web.raw");
        var stranger = world.Ids.New<ProjectId>();
        var export = new ExportImage(world.Ids.New<RunId>(), stranger, point, null, "web.raw", null);
        await world.TellBackupAsync(export, MessageJson.Default.ExportImage);
        await world.SettleAsync();
        Assert.Equal("there is no such point", world.Portal.Refused(export.Run).Error);
        Fails(world, await ImportAsync(world, server, "web.raw", "copy", stranger), "has no file web.raw");
    }

    [Fact]
    public async Task A_worker_without_a_folder_for_images_says_so()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, _) = await BackUpAsync(world);
        var run = await TellExportAsync(world, point, "web.raw");
        var worker = new Worker.TaskRunner(world.Source, world.WorkerId, world.Cloud,
            new(new(), 128 * 1024, Vault.Stores.RetryLimits.Brief), world.Clock);
        Assert.True(await worker.RunOneAsync(default));
        await world.SettleAsync();
        Fails(world, run, "Worker:ImageFolder");
    }

    [Fact]
    public async Task A_backup_is_made_while_an_image_is_written()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var (point, server) = await BackUpAsync(world);
        var export = await TellExportAsync(world, point, "web.raw");
        Assert.Equal(WorkKind.ExportImage, (await world.Source.AcquireAsync(world.WorkerId, default))?.Kind);
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        Assert.Equal((RunState.Succeeded, RunState.Transferring), (world.Portal.Run(backup.Run).State, world.Portal.Run(export).State));
    }

    static void Fails(ServiceWorld world, RunId run, string reason)
    {
        Assert.Equal(RunState.Failed, world.Portal.Run(run).State);
        Assert.Contains(reason, world.Portal.Run(run).Error, StringComparison.Ordinal);
    }

    // The work is done, and the worker dies before it can say so.
    static async Task DieBehindTheLastStepAsync(ServiceWorld world)
    {
        var silent = new SilencedSource(world.Source);
        Assert.True(await world.NewWorker(silent).RunOneAsync(default));
        Assert.Equal(1, silent.Lost);
        world.Clock.Advance(new WorkLimits().Lease * 2);
        await world.Clockwork.TurnAsync(default);
    }

    static async Task<(RestorePointId Point, ServerRef Server)> BackUpAsync(ServiceWorld world)
    {
        var server = await world.AddServerAsync("web", ("vda", s_content));
        var backup = await world.OrderBackupAsync(server);
        await world.SettleAsync();
        return (backup.Point, server);
    }

    static async Task<RunId> TellExportAsync(ServiceWorld world, RestorePointId point, string file)
    {
        var order = new ExportImage(world.Ids.New<RunId>(), world.Project, point, null, file, null);
        await world.TellBackupAsync(order, MessageJson.Default.ExportImage);
        return order.Run;
    }

    static async Task<RunId> ExportAsync(ServiceWorld world, RestorePointId point, string file)
    {
        var run = await TellExportAsync(world, point, file);
        await world.SettleAsync();
        return run;
    }

    static async Task<RunId> TellImportAsync(ServiceWorld world, ServerRef server, string file, string name, ProjectId? project = null)
    {
        var order = new ImportImage(world.Ids.New<RunId>(), project ?? world.Project, server, "web", "web-vda", file, null, name);
        await world.TellBackupAsync(order, MessageJson.Default.ImportImage);
        return order.Run;
    }

    static async Task<RunId> ImportAsync(ServiceWorld world, ServerRef server, string file, string name, ProjectId? project = null)
    {
        var run = await TellImportAsync(world, server, file, name, project);
        await world.SettleAsync();
        return run;
    }

    static string PathOf(ServiceWorld world, string file) => world.Path($"images/{world.Project}/{file}");

    static IEnumerable<string?> FilesOf(ServiceWorld world) =>
        Directory.EnumerateFiles(world.Path($"images/{world.Project}")).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    static byte[] Content(int seed, int length)
    {
        var content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }
}
