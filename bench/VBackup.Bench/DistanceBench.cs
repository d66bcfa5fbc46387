using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Writing;

namespace VBackup.Bench;

/// <summary>The same work near to the store and far away from it, in turn; and how often an incremental has to wait.</summary>
internal static class DistanceBench
{
    public static async Task<int> RunAsync(string image, string changedImage, string extentsFile, int delayMilliseconds, int rounds)
    {
        var clock = TimeProvider.System;
        var options = new DataPathOptions();
        ThreadPool.SetMinThreads(32, 32);
        Dictionary<(string Work, int Delay), List<double>> seconds = [];
        long chain = 0;
        for (var round = 0; round < rounds; round++)
            foreach (var delay in (int[])[0, delayMilliseconds])
            {
                var folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(image))!, "bench-vault");
                if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
                var key = RandomNumberGenerator.GetBytes(32);
                using (var unlock = VaultUnlock.WithKey(key))
                    await (await BackupVault.CreateAsync(FileSystemStore.Open(folder, create: true), unlock,
                        FormatLimits.ChunkSizeDefault, new(), default)).DisposeAsync();
                LatencyStore Far() => new(FileSystemStore.Open(folder), TimeSpan.FromMilliseconds(delay), clock);
                async Task<BackupVault> OpenAsync(IObjectStore store)
                {
                    using var unlock = VaultUnlock.WithKey(key);
                    return await BackupVault.OpenAsync(store, unlock, new(), default);
                }
                void Note(string work, long start)
                {
                    if (!seconds.TryGetValue((work, delay), out var list)) seconds.Add((work, delay), list = []);
                    list.Add(clock.GetElapsedTime(start).TotalSeconds);
                }

                var start = clock.GetTimestamp();
                PointDocument full;
                await using (var vault = await OpenAsync(Far())) full = await BackUpAsync(vault, image, null, null, options);
                Note("full", start);

                start = clock.GetTimestamp();
                await using (var vault = await OpenAsync(Far()))
                {
                    await using var reading = await PointReading.BeginAsync(vault, "restore", full, default);
                    await using var target = FileVolume.OpenTarget(image + ".restored", full.Volumes[0].LengthBytes);
                    await new ImportPipeline(reading.Reader, vault.ChunkSize, options).ImportAsync(
                        VolumeTree.Open(reading.Reader, full, full.Volumes[0]), target, new(), null, default);
                }
                Note("restore", start);
                File.Delete(image + ".restored");

                start = clock.GetTimestamp();
                var far = Far();
                await using (var vault = await OpenAsync(far))
                {
                    var known = PointId.TryParse(full.Id, out var id) ? await VaultCatalog.FindBaseAsync(vault, id, default) : null;
                    await BackUpAsync(vault, changedImage, known, extentsFile, options);
                    chain = far.LongestChain;
                }
                Note("incremental", start);
            }
        foreach (var work in (string[])["full", "restore", "incremental"])
        {
            var near = Median(seconds[(work, 0)]);
            var distant = Median(seconds[(work, delayMilliseconds)]);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{work,-12} near {near:f2} s, {delayMilliseconds} ms away {distant:f2} s: {distant / near:f2} times, "
                + $"{(distant - near) * 1000 / delayMilliseconds:f1} round trips' worth more"));
        }
        Console.WriteLine($"incremental: at most {chain} round trips in sequence, from opening the vault to the end of the session");
        return 0;
    }

    private static async Task<PointDocument> BackUpAsync(
        BackupVault vault, string path, PointDocument? basePoint, string? extentsFile, DataPathOptions options)
    {
        await using var source = FileVolume.OpenSource(path);
        await using var run = await BackupWriter.StartAsync(vault, "backup", basePoint, default);
        var extents = extentsFile is null ? null : Extents.Checked(
            JsonDocument.Parse(await File.ReadAllBytesAsync(extentsFile)).RootElement.EnumerateArray()
                .Select(item => new Extent(item.GetProperty("offset").GetInt64(), item.GetProperty("length").GetInt64())),
            source.LengthBytes);
        var volume = await new ExportPipeline(run, options).ExportAsync(
            new("disk", source, run.Base?.Volumes[0], extents), null, default);
        return await run.PublishAsync("bench", run.Base is null ? PointType.Full : PointType.Incremental, null, [volume], default);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
