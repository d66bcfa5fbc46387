using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.World;

/// <summary>A worker's line to the service that is cut when the work is done: the word of it gets lost.</summary>
sealed class SilencedSource(IWorkSource source) : RelayingSource(source)
{
    string? _result;

    /// <summary>Words that got lost.</summary>
    public int Lost { get; private set; }

    /// <summary>What the worker exported, and nobody heard of.</summary>
    public string? VaultPoint => _result is null ? null : JsonSerializer.Deserialize(_result, WorkJson.Default.ExportResult)!.VaultPoint;

    public override Task<bool> CompleteAsync(WorkTaskId task, int epoch, string result, CancellationToken cancellation)
    {
        Lost++;
        _result = result;
        return Task.FromResult(false);
    }

    public override Task<bool> FailAsync(WorkTaskId task, int epoch, WorkFailure failure, CancellationToken cancellation)
    {
        Lost++;
        return Task.FromResult(false);
    }

    public override Task ReportServersAsync(WorkerId worker, IReadOnlyList<ServerView> servers, CancellationToken cancellation) =>
        Task.CompletedTask;
}
