using System.Runtime.InteropServices;
using VBackup.Clouds.Libvirt.Native;

namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>The freeze watchdog as a process: what a program runs that was started as one.</summary>
public static class FreezeWatchdog
{
    /// <summary>The first argument of a program that is to be a watchdog.</summary>
    public const string Verb = "freeze-watchdog";

    private static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(5);
    // Short: what hangs is tried again, and an agent that was busy answers the next try.
    private static readonly TimeSpan s_agentLimit = TimeSpan.FromSeconds(2);

    // A registration that is collected is undone.
    private static readonly List<PosixSignalRegistration> s_ignored = [];

    /// <param name="arguments">Those behind <see cref="Verb"/>, as <see cref="WatchdogProgram"/> gives them.</param>
    /// <returns>The process's exit status.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        if (WatchdogOrders.FromArguments(arguments) is not { } orders)
        {
            await Console.Error.WriteLineAsync("vBackup starts this by itself; it is no command to call.").ConfigureAwait(false);
            return 2;
        }
        LiveOn();
        var settings = new LibvirtSettings(orders.Uri) { CallLimit = s_callLimit, AgentLimit = s_agentLimit };
        var hypervisor = new LibvirtHypervisor(settings, TimeProvider.System);
        await using var closing = hypervisor.ConfigureAwait(false);
        using var input = new StreamReader(Console.OpenStandardInput());
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        // A thread of its own may wait for the holder's line; it must not keep the clock from running.
        var watch = new FreezeWatch(
            hypervisor, orders, TimeProvider.System, () => Task.Run(() => ReadLine(input)), line => Say(output, line));
        return await watch.RunAsync().ConfigureAwait(false);
    }

    /// <summary>What ends the holder must not end the watchdog with it: a key on the terminal, a closed session, the
    /// manager of services that asks all processes to stop, the kernel looking for memory. It ends by itself soon
    /// enough.</summary>
    private static void LiveOn()
    {
        // Fails only for one that leads a group already, and that gets no signal of the terminal's other groups either.
        _ = LibvirtLibrary.setsid();
        PosixSignal[] deadly = [PosixSignal.SIGHUP, PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGTERM];
        foreach (var signal in deadly) s_ignored.Add(PosixSignalRegistration.Create(signal, static context => context.Cancel = true));
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "-1000");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            // It takes a privilege. Without it we are one process of many to the kernel, and a small one.
        }
    }

    private static string? ReadLine(StreamReader input)
    {
        try
        {
            return input.ReadLine();
        }
        catch (IOException)
        {
            // A line that cannot be read is the end of the holder, for all we know.
            return null;
        }
    }

    private static void Say(StreamWriter output, string line)
    {
        try
        {
            output.WriteLine(line);
        }
        catch (IOException)
        {
            // The holder is gone: there is nobody left to tell, and the guest is what counts.
        }
    }
}
