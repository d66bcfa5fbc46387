using System.Diagnostics;
using System.Globalization;
using VBackup.Clouds.Libvirt.Freezing;

namespace VBackup.Clouds.Libvirt.Tests.Live;

/// <summary>A process that holds a guest, to be killed while it does.</summary>
sealed class HolderProcess : IDisposable
{
    readonly Process process;

    HolderProcess(Process process) => this.process = process;

    public int Id => process.Id;

    /// <summary>What the process does: it holds until its standard input ends, and says what came of it.</summary>
    public static async Task<int> RunAsync(string uri, string server, TimeSpan limit)
    {
        await using var hypervisor = new LibvirtHypervisor(new LibvirtSettings(uri), TimeProvider.System);
        await using var hold = await FreezeGuard.HoldAsync(
            hypervisor, server, limit, WatchdogProgram.Own(), TimeProvider.System, CancellationToken.None);
        Console.WriteLine(hold.WhyNotHeld ?? "held");
        await Task.Run(Console.In.ReadToEnd);
        Console.WriteLine(await hold.WasStillFrozenAsync(CancellationToken.None) ? "still frozen" : "not frozen");
        await hold.ThawAsync();
        Console.WriteLine("thawed");
        return 0;
    }

    public static HolderProcess Start(string server, int limitSeconds) => new(Process.Start(
        new ProcessStartInfo(
            Environment.ProcessPath!,
            [Program.HoldVerb, LiveServer.Uri, server, limitSeconds.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!);

    public async Task<string?> ReadLineAsync() => await process.StandardOutput.ReadLineAsync();

    public void EndInput() => process.StandardInput.Close();

    /// <summary>SIGKILL.</summary>
    public void Kill() => process.Kill();

    /// <summary>The watchdog's process; null while, or when, there is none.</summary>
    public static int? WatchdogOf(string server) => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0)
        .Cast<int?>()
        .FirstOrDefault(id => CommandOf(id!.Value) is { } words && words.Contains(FreezeWatchdog.Verb) && words.Contains(server));

    /// <summary>The number of the session of processes that it belongs to.</summary>
    public static int SessionOf(int id)
    {
        var status = File.ReadAllText($"/proc/{id}/stat");
        return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[3], CultureInfo.InvariantCulture);
    }

    static string[]? CommandOf(int id)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            // It has ended meanwhile.
            return null;
        }
    }

    public static Task UntilNoWatchdogAsync(string server) => LiveServer.UntilAsync(
        TimeSpan.FromSeconds(30), "the watchdog has ended", () => Task.FromResult(WatchdogOf(server) is null));

    public void Dispose()
    {
        process.Kill();
        process.Dispose();
    }
}
