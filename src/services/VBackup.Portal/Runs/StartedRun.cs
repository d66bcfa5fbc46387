using VBackup.Contracts.Ids;
using VBackup.Portal.Api;

namespace VBackup.Portal.Runs;

/// <summary>The answer to whoever asked for a backup or a restore.</summary>
/// <param name="Run">What to follow.</param>
public sealed record StartedRun(RunId Run)
{
    public static Creation Answer(Outcome<RunId> asked) => asked.Problem is { } problem ? problem
        : new Creation.Made($"/api/v1/runs/{asked.Value}", new StartedRun(asked.Value), GoesOn: true);
}
