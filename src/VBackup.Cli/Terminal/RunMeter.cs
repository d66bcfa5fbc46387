using System.Diagnostics;

namespace VBackup.Cli.Terminal;

/// <summary>What a run took so far.</summary>
sealed class RunMeter
{
    readonly long _start = TimeProvider.System.GetTimestamp();

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_start);

    /// <summary>To the millisecond, for events.</summary>
    public double ElapsedSeconds => Math.Round(Elapsed.TotalSeconds, 3);

    /// <summary>Bytes that the process has allocated on its managed heap.</summary>
    public static long HeapAllocatedBytes => GC.GetTotalAllocatedBytes();

    /// <summary>The most memory that the process ever held.</summary>
    public static long PeakResidentBytes
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
    }
}
