namespace VBackup.Platform.Databases;

/// <summary>
/// One turn of what a service does because time went by, in steps that do not depend on each other. One that fails keeps no other from
/// being done: what it changed is taken back, the next turn comes to it again, and <see cref="End"/> tells of it.
/// </summary>
public sealed class Turn<TDb>(ChangeMaker<TDb> changes, CancellationToken cancellation) where TDb : ServiceDb
{
    readonly List<StepFailedException> _failures = [];

    /// <param name="what">What is done, for whoever reads that it failed.</param>
    public Task DoAsync(string what, Func<Change<TDb>, Task> step) => AttemptAsync(what, () => changes.MakeAsync(step, cancellation));

    /// <param name="what">What is done, for whoever reads that it failed.</param>
    public Task DoAsync(string what, Func<CancellationToken, Task> step) => AttemptAsync(what, () => step(cancellation));

    /// <summary>Each of those that are found is a step of its own.</summary>
    /// <param name="what">What is done, for whoever reads that it failed; the id is put behind it.</param>
    /// <param name="act">REQUIRES: looks whether it is still to be done, since others may have been faster.</param>
    public async Task DoEachAsync<TId>(string what, Func<Change<TDb>, Task<List<TId>>> find, Func<Change<TDb>, TId, Task> act)
    {
        List<TId> found = [];
        await AttemptAsync(what, async () => found = await changes.MakeAsync(find, cancellation).ConfigureAwait(false))
            .ConfigureAwait(false);
        foreach (var id in found) await DoAsync($"{what} {id}", change => act(change, id)).ConfigureAwait(false);
    }

    /// <exception cref="AggregateException">Steps have failed.</exception>
    public void End()
    {
        if (_failures.Count > 0) throw new AggregateException("the rest was done, and this failed", _failures);
    }

    async Task AttemptAsync(string what, Func<Task> step)
    {
        try
        {
            await step().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure)
        {
            // A crash boundary: one row that nobody can make sense of must not keep all servers from being backed up.
            _failures.Add(new(what, failure));
        }
    }
}

/// <summary>A step of a turn failed, and none of it was done.</summary>
public sealed class StepFailedException(string step, Exception cause) : Exception($"{step}: {cause.Message}", cause);
