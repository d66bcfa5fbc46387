using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;

namespace VBackup.Calls.Work;

/// <summary>Work as messages, and messages as work.</summary>
static class WorkMessages
{
    /// <summary>What opens a vault is in the message alone from then on.</summary>
    public static V1.Lease Of(WorkLease lease)
    {
        var secrets = lease.Secrets;
        var message = new V1.Lease
        {
            Task = Fields.Of(lease.Task),
            Epoch = lease.Epoch,
            Kind = (V1.WorkKind)((int)lease.Kind + 1),
            Order = lease.Order,
            Until = Duration.FromTimeSpan(lease.Until),
            Secrets = new()
            {
                VaultKey = Of(secrets.VaultKey),
                AccessKey = secrets.AccessKey,
                SecretKey = secrets.SecretKey,
                PreviousVaultKey = Of(secrets.PreviousVaultKey),
                LockedKey = secrets.LockedKey is not { } locked ? null
                    : new() { Format = locked.Format, Project = Fields.Of(locked.Project), Wrapped = ByteString.CopyFrom(locked.Wrapped) },
            },
        };
        CryptographicOperations.ZeroMemory(secrets.VaultKey);
        CryptographicOperations.ZeroMemory(secrets.PreviousVaultKey);
        return message;
    }

    // A kind that this version does not know is the worker's to refuse, who tells the service so.
    public static WorkLease Lease(V1.Lease lease) => new(Fields.Id<WorkTaskId>(lease.Task), lease.Epoch, (WorkKind)((int)lease.Kind - 1),
        lease.Order, Fields.Span(lease.Until), Secrets(Fields.Required(lease.Secrets, "a lease's secrets")));

    static WorkSecrets Secrets(V1.Secrets secrets) => new(secrets.VaultKey?.ToByteArray(), secrets.AccessKey, secrets.SecretKey,
        secrets.PreviousVaultKey?.ToByteArray(), secrets.LockedKey is not { } locked ? null
            : new(locked.Format, Fields.Id<ProjectId>(locked.Project), locked.Wrapped.ToByteArray()));

    static ByteString? Of(byte[]? bytes) => bytes is null ? null : ByteString.CopyFrom(bytes);

    public static V1.Progress Of(WorkProgress progress) => new()
    {
        DoneBytes = progress.DoneBytes,
        TotalBytes = progress.TotalBytes,
        StoredBytes = progress.StoredBytes,
        ServerRuns = progress.ServerRuns,
        CheckedBytes = progress.CheckedBytes,
    };

    public static WorkProgress Progress(V1.Progress progress) =>
        new(progress.DoneBytes, progress.TotalBytes, progress.StoredBytes, progress.ServerRuns, progress.CheckedBytes);

    public static V1.ReportReply Of(WorkAnswer answer) => answer switch
    {
        WorkAnswer.GoOn goOn => new() { GoOn = new() { Until = Duration.FromTimeSpan(goOn.Until) } },
        WorkAnswer.Halt halt => new() { Halt = new() { Reason = halt.Reason } },
        _ => new() { Lost = new() },
    };

    // Who does not understand an answer touches nothing any more.
    public static WorkAnswer Answer(V1.ReportReply answer) => answer.AnswerCase switch
    {
        V1.ReportReply.AnswerOneofCase.GoOn => new WorkAnswer.GoOn(Fields.Span(answer.GoOn.Until)),
        V1.ReportReply.AnswerOneofCase.Halt => new WorkAnswer.Halt(answer.Halt.Reason),
        _ => new WorkAnswer.Lost(),
    };

    public static V1.Server Of(ServerView server) => new()
    {
        Id = server.Id,
        Name = server.Name,
        State = server.State,
        Disks =
        {
            server.Disks.Select(disk => new V1.Disk
            { Name = disk.Name, Volume = disk.Volume, LengthBytes = disk.LengthBytes, AllocatedBytes = disk.AllocatedBytes }),
        },
    };

    public static ServerView Server(V1.Server server) => new(server.Id, server.Name, server.State,
        [.. server.Disks.Select(disk => new DiskView(disk.Name, disk.Volume, disk.LengthBytes, disk.AllocatedBytes))]);
}
