using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;
using VBackup.Service.Catalogues;
using VBackup.Service.Points;
using VBackup.Service.Runs;

namespace VBackup.Service;

/// <summary>What the vBackup service does with the messages that it gets.</summary>
public static class BackupMessages
{
    public static MessageHandlers<BackupDb> Handlers() => new MessageHandlers<BackupDb>()
        .On(MessageJson.Default.StartBackup, BackupRuns.StartAsync)
        .On(MessageJson.Default.SnapshotTaken, BackupRuns.SnapshotTakenAsync)
        .On(MessageJson.Default.StartRestore, RestoreRuns.StartAsync)
        .On(MessageJson.Default.ExportImage, ImageRuns.ExportAsync)
        .On(MessageJson.Default.ImportImage, ImageRuns.ImportAsync)
        .On(MessageJson.Default.CancelRun, Ending.CancelAsync)
        .On(MessageJson.Default.DeletePoint, PointDeletion.DeleteAsync)
        .On(MessageJson.Default.UndeletePoint, PointDeletion.UndeleteAsync)
        .On(MessageJson.Default.ProtectPoint, PointDeletion.ProtectAsync)
        .On(MessageJson.Default.DeclarationsChanged, CatalogueSaving.DeclaredAsync);
}
