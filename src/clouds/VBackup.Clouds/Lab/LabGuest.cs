using VBackup.Clouds.Servers;

namespace VBackup.Clouds.Lab;

/// <summary>
/// Plays a running server's guest: keeps a journal on the server's first two disks and answers as the guest's agent, until it
/// is told to stop.
/// </summary>
public sealed class LabGuest : IAsyncDisposable
{
    private const int VolumesOfJournal = 2;
    private readonly LabAgent _agent;
    private bool _isFrozen;

    private LabGuest(LabCloud cloud, string server, RunningJournal journal)
    {
        Journal = journal;
        _agent = LabAgent.Listen(cloud.Folder, server, AnswerAsync);
    }

    public RunningJournal Journal { get; }

    /// <param name="server">A server that runs and has at least two disks.</param>
    /// <exception cref="CloudException">There is no such server, it does not run, or somebody writes to its volumes.</exception>
    public static async Task<LabGuest> StartAsync(LabCloud cloud, string server, CancellationToken cancellation)
    {
        var declared = ServerFile.Require(cloud.Folder, server, "run guest");
        if (declared.State != ServerState.Running || declared.Disks.Count < VolumesOfJournal)
            throw new CloudException(
                CloudFailure.NotSupported, "run guest", server, "a guest takes a running server with two disks");
        var journal = await RunningJournal.StartAsync(
            cloud.Storage, declared.Disks[0].Volume, declared.Disks[1].Volume, cancellation).ConfigureAwait(false);
        try
        {
            return new(cloud, server, journal);
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
        var held = _isFrozen ? VolumesOfJournal : 0;
        switch (command)
        {
            case LabAgent.Freeze:
                if (!_isFrozen) await Journal.HoldAsync(cancellation).ConfigureAwait(false);
                _isFrozen = true;
                return VolumesOfJournal;
            case LabAgent.Thaw:
                if (_isFrozen) Journal.Release();
                _isFrozen = false;
                return held;
            case LabAgent.Status:
                return held;
            case LabAgent.Stop:
                await Journal.StopAsync().ConfigureAwait(false);
                return 0;
            default:
                throw new ArgumentException($"there is no command {command}");
        }
    }

    /// <summary>Ends the guest, as pulling the plug between two writes would.</summary>
    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync().ConfigureAwait(false);
        await Journal.DisposeAsync().ConfigureAwait(false);
    }
}
