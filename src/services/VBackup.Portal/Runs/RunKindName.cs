using VBackup.Contracts.Messages;

namespace VBackup.Portal.Runs;

/// <summary>What kinds of runs are called, for people.</summary>
static class RunKindName
{
    public static string Of(RunKind kind) => kind switch
    {
        RunKind.Backup => "Backup",
        RunKind.Restore => "Restore",
        RunKind.ExportImage => "Image export",
        RunKind.ImportImage => "Image import",
        _ => throw new InvalidOperationException($"Nobody names {kind}."),
    };
}
