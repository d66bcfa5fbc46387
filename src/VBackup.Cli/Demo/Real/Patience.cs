using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>Waits for real things by looking at them, for so long and no longer.</summary>
static class Patience
{
    // A look is mostly a program that is started, and the guest needs the processor too.
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(400);

    /// <param name="lookDelay">Between two looks; short only for what is cheap to look at.</param>
    /// <exception cref="RefusedException">It did not come.</exception>
    public static async Task<T> UntilAsync<T>(
        TimeSpan limit, string what, Func<Task<T?>> look, CancellationToken cancellation, TimeSpan? lookDelay = null) where T : class
    {
        var meter = new RunMeter();
        while (true)
        {
            if (await look().ConfigureAwait(false) is { } seen) return seen;
            if (meter.Elapsed > limit) throw new RefusedException($"the demo failed: {what}: not after {Units.Duration(limit)}");
            await PauseAsync(lookDelay ?? s_lookDelay, cancellation).ConfigureAwait(false);
        }
    }

    /// <returns>How long it took.</returns>
    public static async Task<TimeSpan> UntilAsync(
        TimeSpan limit, string what, Func<Task<bool>> look, CancellationToken cancellation, TimeSpan? lookDelay = null)
    {
        var meter = new RunMeter();
        await UntilAsync(limit, what, async () => await look().ConfigureAwait(false) ? what : null, cancellation, lookDelay)
            .ConfigureAwait(false);
        return meter.Elapsed;
    }

    public static Task PauseAsync(TimeSpan time, CancellationToken cancellation) => Task.Delay(time, TimeProvider.System, cancellation);
}
