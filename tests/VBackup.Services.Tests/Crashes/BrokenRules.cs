using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Rules that are broken on purpose, outside of the services: to see that it is noticed.</summary>
sealed record BrokenRules
{
    public static BrokenRules None { get; } = new();

    /// <summary>What is given for a message; null: it gets lost, and nobody is told.</summary>
    public Func<Envelope, Envelope?> Post { get; init; } = envelope => envelope;

    /// <summary>What workers get for the service.</summary>
    public Func<CrashWorld, IWorkSource, IWorkSource> Line { get; init; } = (_, line) => line;

    /// <summary>What workers make of the answers that they hear.</summary>
    public Func<WorkAnswer, WorkAnswer> Hears { get; init; } = answer => answer;

    /// <summary>Who was shut out of a volume writes to it all the same.</summary>
    public bool ShutOutWrite { get; init; }

    /// <summary>Storages let anybody take over, whoever has since he looked.</summary>
    public bool TakesOverFromAnybody { get; init; }
}
