using VBackup.Clouds.Servers;

namespace VBackup.Clouds.Lab;

/// <summary>
/// Plays a running server's guest: keeps a journal on the server's first two disks and answers as the guest's agent, until it
/// is told to stop.
/// </summary>
public sealed class LabGuest : IAsyncDisposable
{
    /// <summary>A guest goes on by itself after this long: whoever asked it to hold still may have died.</summary>
    public static readonly TimeSpan HeldMax = TimeSpan.FromSeconds(5);

    private const int VolumesOfJournal = 2;
    private readonly LabAgent _agent;
    private readonly TimeSpan _heldMax;
    private readonly ITimer _patience;
    private readonly Lock _lettingGo = new();
    private bool _isFrozen;

    private LabGuest(LabCloud cloud, string server, RunningJournal journal, TimeSpan heldMax)
    {
        Journal = journal;
        _heldMax = heldMax;
        _patience = cloud.Folder.Clock.CreateTimer(_ => LetGo(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _agent = LabAgent.Listen(cloud.Folder, server, AnswerAsync);
    }

    public RunningJournal Journal { get; }

    /// <param name="server">A server that runs and has at least two disks.</param>
    /// <param name="heldMax">How long it holds still; null for <see cref="HeldMax"/>.</param>
    /// <exception cref="CloudException">There is no such server, it does not run, or somebody writes to its volumes.</exception>
    public static async Task<LabGuest> StartAsync(
        LabCloud cloud, string server, CancellationToken cancellation, TimeSpan? heldMax = null)
    {
        var declared = ServerFile.Require(cloud.Folder, server, "run guest");
        if (declared.State != ServerState.Running || declared.Disks.Count < VolumesOfJournal)
            throw new CloudException(
                CloudFailure.NotSupported, "run guest", server, "a guest takes a running server with two disks");
        var journal = await RunningJournal.StartAsync(
            cloud.Storage, declared.Disks[0].Volume, declared.Disks[1].Volume, cancellation).ConfigureAwait(false);
        try
        {
            return new(cloud, server, journal, heldMax ?? HeldMax);
        }
        catch
        {
            await journal.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // One command at a time: the agent takes the next only after this one.
    private async Task<int> AnswerAsync(string command, CancellationToken cancellation)
    {
        switch (command)
        {
            case LabAgent.Freeze:
                await HoldAsync(cancellation).ConfigureAwait(false);
                return VolumesOfJournal;
            case LabAgent.Thaw:
                return LetGo();
            case LabAgent.Status:
                lock (_lettingGo) return _isFrozen ? VolumesOfJournal : 0;
            case LabAgent.Stop:
                await Journal.StopAsync().ConfigureAwait(false);
                return 0;
            default:
                throw new ArgumentException($"there is no command {command}");
        }
    }

    // Somebody who asks while it holds still has it hold for as long again.
    private async Task HoldAsync(CancellationToken cancellation)
    {
        lock (_lettingGo)
        {
            if (_isFrozen)
            {
                _patience.Change(_heldMax, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        await Journal.HoldAsync(cancellation).ConfigureAwait(false);
        lock (_lettingGo)
        {
            _isFrozen = true;
            _patience.Change(_heldMax, Timeout.InfiniteTimeSpan);
        }
    }

    private int LetGo()
    {
        lock (_lettingGo)
        {
            if (!_isFrozen) return 0;
            _isFrozen = false;
            Journal.Release();
            return VolumesOfJournal;
        }
    }

    /// <summary>Ends the guest, as pulling the plug between two writes would.</summary>
    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync().ConfigureAwait(false);
        await _patience.DisposeAsync().ConfigureAwait(false);
        await Journal.DisposeAsync().ConfigureAwait(false);
    }
}
