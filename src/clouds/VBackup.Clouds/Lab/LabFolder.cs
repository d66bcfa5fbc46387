using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Lab;

/// <summary>
/// The folder that a lab cloud is made of: where each thing lies, and who waits for whom. Any number of processes may use it
/// at once. Locks are taken in the order in which they stand here. Who dies gives them free; who is stopped while holding
/// one, other than a gate, holds the others up until their time limit.
/// </summary>
/// <remarks>
/// <code>
/// instants.lock            held while an instant is taken, removed or rolled back to, and while a volume is removed or resized
/// folder.lock              held while a writer is opened and a server's file is written
/// volumes/NAME.raw         the volume's bytes, a sparse file
/// volumes/NAME.writer      locked as long as a writer is open. Another file in its place shuts the writer out
/// volumes/NAME.shutting-out   there while a writer is shut out
/// volumes/NAME.claim       who has made the volume (written before it has its name), or last taken it over
/// volumes/NAME.restoring   there from before a restore in place writes to the volume until all is read back
/// volumes/door             locked by who wants gates closed: writers in endless succession must not keep it waiting
/// volumes/NAME.gate        shared by each single write, exclusive for who holds the volume still
/// instants/NAME/VOLUME.raw the volume at that instant
/// instants/NAME/instant.json, taking.json   what the instant is; the second name until it is complete
/// servers/NAME.json        a server
/// servers/NAME.agent       the socket on which the guest's agent listens
/// </code>
/// </remarks>
internal sealed class LabFolder
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_agentTimeLimit = TimeSpan.FromSeconds(5);

    public LabFolder(string path, TimeSpan timeLimit, TimeProvider clock)
    {
        Path = System.IO.Path.GetFullPath(path);
        Clock = clock;
        TimeLimit = timeLimit;
        Directory.CreateDirectory(Volumes);
        Directory.CreateDirectory(Instants);
        Directory.CreateDirectory(Servers);
    }

    public string Path { get; }
    public TimeProvider Clock { get; }

    /// <summary>How long anything waits for somebody else.</summary>
    public TimeSpan TimeLimit { get; }

    /// <summary>How long a guest's agent may take to answer: a guest must not be held for long.</summary>
    public TimeSpan AgentTimeLimit => TimeLimit < s_agentTimeLimit ? TimeLimit : s_agentTimeLimit;

    public string Volumes => System.IO.Path.Combine(Path, "volumes");
    public string Instants => System.IO.Path.Combine(Path, "instants");
    public string Servers => System.IO.Path.Combine(Path, "servers");
    public string InstantsLock => System.IO.Path.Combine(Path, "instants.lock");
    public string FolderLock => System.IO.Path.Combine(Path, "folder.lock");
    public string Door => System.IO.Path.Combine(Volumes, "door");

    public string VolumePath(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".raw");
    public string WriterLock(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".writer");
    public string Gate(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".gate");
    public string ShuttingOutMark(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".shutting-out");
    public string Claim(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".claim");
    public string RestoreNote(VolumeId volume) => System.IO.Path.Combine(Volumes, volume.Value + ".restoring");

    /// <summary>All that a volume has in its folder. What is being written of each has '.new' behind its name.</summary>
    public string[] FilesOf(VolumeId volume) =>
        [VolumePath(volume), WriterLock(volume), Gate(volume), ShuttingOutMark(volume), Claim(volume), RestoreNote(volume)];

    public string InstantFolder(string name) => System.IO.Path.Combine(Instants, name);
    public string ServerPath(string name) => System.IO.Path.Combine(Servers, name + ".json");
    public string AgentSocket(string server) => System.IO.Path.Combine(Servers, server + ".agent");

    /// <summary>What volumes and servers may be called, so that each name is a file's and none reaches out of the folder.</summary>
    public static bool IsName(string name) =>
        name.Length is >= 1 and <= 100 && name[0] != '.'
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-' or '.');

    /// <summary>Whether the volume exists.</summary>
    public bool Has(VolumeId volume) => IsName(volume.Value) && File.Exists(VolumePath(volume));

    /// <exception cref="CloudException">There is no such volume.</exception>
    public void Require(VolumeId volume, string operation)
    {
        if (!Has(volume)) throw new CloudException(
            CloudFailure.NotFound, operation, volume.Value, "there is no such volume");
    }

    /// <summary>Waits for a lock.</summary>
    /// <exception cref="CloudException">It was not free within the time limit.</exception>
    public Task<FileLock> HoldAsync(string path, bool isExclusive, string operation, CancellationToken cancellation) =>
        WaitForAsync(() => FileLock.TryHold(path, isExclusive), operation, path, cancellation);

    /// <summary>Tries again and again, with a pause, until something is there.</summary>
    /// <exception cref="CloudException">It was not within the time limit.</exception>
    public async Task<T> WaitForAsync<T>(Func<T?> attempt, string operation, string subject, CancellationToken cancellation)
        where T : class =>
        await TryForAsync(attempt, TimeLimit, cancellation).ConfigureAwait(false)
        ?? throw new CloudException(
            CloudFailure.TimedOut, operation, subject, $"held by somebody else for {TimeLimit.TotalSeconds} s");

    /// <returns>Null when it was not there within <paramref name="patience"/>.</returns>
    public async Task<T?> TryForAsync<T>(Func<T?> attempt, TimeSpan patience, CancellationToken cancellation)
        where T : class
    {
        var start = Clock.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (attempt() is { } found) return found;
            if (Clock.GetElapsedTime(start) >= patience) return null;
            await Task.Delay(s_pause, Clock, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Passes the volume's gate for one write.</summary>
    public Task<FileLock> PassAsync(VolumeId volume, CancellationToken cancellation) => WaitForAsync(
        () =>
        {
            // Nobody keeps the door: a process that is stopped while it writes must not hold up other volumes.
            if (FileLock.TryHold(Door, isExclusive: false) is not { } door) return null;
            door.Dispose();
            return FileLock.TryHold(Gate(volume), isExclusive: false);
        },
        "write", volume.Value, cancellation);
}
