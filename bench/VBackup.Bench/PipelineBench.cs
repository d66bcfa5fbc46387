using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Writing;

namespace VBackup.Bench;

/// <summary>The data path alone, in this process: a full and a restore of one image, with CPU and allocations.</summary>
internal static class PipelineBench
{
    public static async Task<int> RunAsync(string image, string[] rest)
    {
        long Option(string name, long or) => Array.IndexOf(rest, name) is var at and >= 0
            ? long.Parse(rest[at + 1], CultureInfo.InvariantCulture) : or;
        var options = new DataPathOptions();
        options = options with
        {
            Lanes = (int)Option("--lanes", options.Lanes),
            Workers = (int)Option("--workers", options.Workers),
            SlotSize = (int)Option("--slot", options.SlotSize),
        };
        ThreadPool.SetMinThreads(options.Workers + 8, options.Workers + 8);
        for (var round = 0; round < Option("--rounds", 2); round++)
        {
            var folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(image))!, "bench-vault");
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            using var key = VaultUnlock.WithKey(RandomNumberGenerator.GetBytes(32));
            await using var vault = await BackupVault.CreateAsync(
                FileSystemStore.Open(folder, create: true), key, (int)Option("--chunk", FormatLimits.ChunkSizeDefault), new(), default);
            PointDocument? point = null;
            await MeasureAsync("full", async () =>
            {
                await using var source = FileVolume.OpenSource(image);
                await using var run = await BackupWriter.StartAsync(vault, "backup", null, default);
                var volume = await new ExportPipeline(run, options).ExportAsync(new("disk", source, null, null), null, default);
                point = await run.PublishAsync("bench", PointType.Full, null, [volume], default);
            });
            Console.WriteLine($"  stored {point!.Volumes[0].StoredBytes >> 20} MiB");
            await MeasureAsync("restore", async () =>
            {
                await using var target = FileVolume.OpenTarget(image + ".restored", point.Volumes[0].LengthBytes);
                await using var reading = await PointReading.BeginAsync(vault, "restore", point, default);
                var tree = VolumeTree.Open(reading.Reader, point, point.Volumes[0]);
                await new ImportPipeline(reading.Reader, vault.ChunkSize, options).ImportAsync(tree, target, new(), null, default);
            });
            File.Delete(image + ".restored");
        }
        return 0;
    }

    private static async Task MeasureAsync(string what, Func<Task> work)
    {
        using var process = Process.GetCurrentProcess();
        var clock = TimeProvider.System;
        var (cpu, allocated, start) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true), clock.GetTimestamp());
        var (user, kernel) = (Environment.CpuUsage.UserTime, Environment.CpuUsage.PrivilegedTime);
        await work();
        process.Refresh();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what,-8} wall {clock.GetElapsedTime(start).TotalSeconds:f2} s  "
            + $"CPU {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds:f2} s "
            + $"(user {(Environment.CpuUsage.UserTime - user).TotalSeconds:f2}, "
            + $"system {(Environment.CpuUsage.PrivilegedTime - kernel).TotalSeconds:f2})  "
            + $"allocated {(GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1048576.0:f1} MiB  "
            + $"peak RSS {process.PeakWorkingSet64 >> 20} MiB"));
    }
}
