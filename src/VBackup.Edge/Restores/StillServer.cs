using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Edge.Running;

namespace VBackup.Edge.Restores;

/// <summary>
/// A server that is to stand still while its volumes are rewritten. Nothing keeps somebody from starting it by hand, and a hypervisor
/// lets it read what is half written: so it is looked at all the while, and nothing more is written once it runs.
/// </summary>
/// <param name="again">What is to be done once it is stopped.</param>
sealed class StillServer(EdgeCloud cloud, string name, string again = "restore again")
{
    static readonly TimeSpan s_lookDelay = TimeSpan.FromSeconds(1);
    volatile bool _wasStarted;

    /// <exception cref="RefusedException">It does not stand still.</exception>
    public async Task RequireAsync(CancellationToken cancellation)
    {
        if (!await IsStillAsync(cancellation).ConfigureAwait(false))
            throw new RefusedException($"server {name} was started meanwhile: stop it, and try again");
    }

    /// <summary>To be called just before the first byte is written: memory that was saved of it belongs to the disks as they were, and
    /// whoever starts the server next would destroy the new ones with it.</summary>
    public async Task DropSavedMemoryAsync(IRunReport report, CancellationToken cancellation)
    {
        if (await cloud.Hypervisor.DropSavedMemoryAsync(name, cancellation).ConfigureAwait(false))
            report.Note($"the memory that was saved of {name} belongs to the old disks: it was thrown away");
    }

    /// <summary>To be asked when all is written, and before that is said anywhere.</summary>
    /// <exception cref="RefusedException">It was started meanwhile.</exception>
    public async Task RequireNotStartedAsync(CancellationToken cancellation)
    {
        _wasStarted |= !await IsStillAsync(cancellation).ConfigureAwait(false);
        if (_wasStarted) throw Started();
    }

    /// <exception cref="RefusedException">It was started while the work was done.</exception>
    public async Task WhileAsync(Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var watching = WatchAsync(end);
        try
        {
            await work(end.Token).ConfigureAwait(false);
            // Since the last look it may have been started, and this is what counts.
            await RequireNotStartedAsync(end.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (_wasStarted && failure is not CloudException { Failure: CloudFailure.InUse })
        {
            // Where another has taken over, the server is his to start.
            throw Started();
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
        if (_wasStarted) throw Started();
    }

    RefusedException Started() =>
        new($"server {name} was started while its volumes were rewritten, and may have read a mixture of old and new: stop it before it "
            + $"writes, and {again}");

    async Task WatchAsync(CancellationTokenSource end)
    {
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(s_lookDelay, cloud.Clock, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (end.IsCancellationRequested || await LooksStillAsync(end.Token).ConfigureAwait(false)) continue;
            _wasStarted = true;
            await end.CancelAsync().ConfigureAwait(false);
        }
    }

    async Task<bool> LooksStillAsync(CancellationToken cancellation)
    {
        try
        {
            return await IsStillAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception unknown) when (unknown is CloudException or OperationCanceledException)
        {
            // A hypervisor that does not answer has said nothing; the last look has to succeed.
            return true;
        }
    }

    async Task<bool> IsStillAsync(CancellationToken cancellation) =>
        await cloud.Hypervisor.FindAsync(name, cancellation).ConfigureAwait(false) is { State: ServerState.Shutdown };
}
