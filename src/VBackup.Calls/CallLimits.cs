namespace VBackup.Calls;

/// <summary>What bounds calls.</summary>
public sealed record CallLimits
{
    /// <summary>Of requests. The longest tells of all servers of a region: some 100 000 disks fit.</summary>
    public int RequestBytesMax { get; init; } = 16 * 1024 * 1024;

    /// <summary>Of answers. The longest is a lease with a project's catalogue, which has 16 MiB at most.</summary>
    public int ReplyBytesMax { get; init; } = 32 * 1024 * 1024;

    /// <summary>How long who calls waits for an answer. The service knows it, and does not begin what nobody waits for any more. It is
    /// longer than the service's database has others wait, so that who is answered late is answered.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);
}
