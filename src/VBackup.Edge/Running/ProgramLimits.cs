using System.Globalization;

namespace VBackup.Edge.Running;

/// <summary>What a program may take that works on what somebody else has made, who may have made it so that there is no end to it.
/// </summary>
public sealed record ProgramLimits
{
    /// <summary>A program that has neither read nor written for so long stands still, and is ended.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>After which it is ended, however busy it is.</summary>
    public required TimeSpan Total { get; init; }

    /// <summary>Of processors, all of them together.</summary>
    public required TimeSpan Processor { get; init; }

    /// <summary>Of memory, with the programs and libraries that it consists of.</summary>
    public required long AddressSpaceBytes { get; init; }

    /// <summary>The longest file that it may write.</summary>
    public required long FileBytes { get; init; }

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The arguments of util-linux's <c>prlimit</c>, up to the program that it becomes. Whoever has used up the processor's time
    /// is told by a signal, which says why it ended, and killed some seconds later.</summary>
    internal IEnumerable<string> Arguments()
    {
        var seconds = (long)Math.Ceiling(Processor.TotalSeconds);
        yield return string.Create(CultureInfo.InvariantCulture, $"--cpu={seconds}:{seconds + 10}");
        yield return string.Create(CultureInfo.InvariantCulture, $"--as={AddressSpaceBytes}");
        yield return string.Create(CultureInfo.InvariantCulture, $"--fsize={FileBytes}");
        yield return "--core=0";
    }
}
