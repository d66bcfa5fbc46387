using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;

namespace VBackup.Edge.Backups;

/// <summary>A server's volumes at one instant.</summary>
/// <param name="Consistency"><c>filesystem</c> when the guest was held during the snapshot, else <c>crash</c>.</param>
/// <param name="HeldFor">For how long the guest stood still; null when it was not held, or nobody knows.</param>
/// <param name="State">The server's just before.</param>
/// <param name="Kind">One of <see cref="InstantKinds"/>.</param>
/// <param name="Skew">So far apart at most are the instants of two volumes.</param>
public sealed record TakenInstant(
    Instant Instant, string Consistency, TimeSpan? HeldFor, ServerState State, string Kind, TimeSpan Skew)
{
    /// <summary>As documents and messages have it: to a tenth of a millisecond. A bound is never rounded down.</summary>
    public double SkewSeconds => Math.Ceiling(Skew.TotalSeconds * 1e4) / 1e4;

    /// <summary>As documents and messages have it.</summary>
    public double? HeldSeconds => HeldFor is { } held ? Math.Round(held.TotalSeconds, 4) : null;
}

/// <summary>Takes a server's volumes at one instant: the guest is frozen where it can be, and let go whatever happens.</summary>
public static class InstantTaking
{
    /// <summary>How <see cref="IRunReport.Detail"/> hears that the guest is frozen, and how begins what it hears when the guest goes
    /// on.</summary>
    public const string HeldNote = "the guest is held still for the snapshot", LetGoNote = "the guest was let go";

    /// <summary>Each holds the guest still once more.</summary>
    const int AttemptsMax = 2;

    /// <summary>Takes it for a backup: what a restore in place left half written is refused.</summary>
    /// <inheritdoc cref="TakeAsync" path="/param"/>
    /// <exception cref="RefusedException">As for the other, or a volume is half restored: the message says what can be done.</exception>
    public static async Task<TakenInstant> TakeForBackupAsync(EdgeCloud cloud, Server server, string name,
        IReadOnlyCollection<string> bases, IRunReport report, CancellationToken cancellation)
    {
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        await UnfinishedRestores.RequireNoneAsync(cloud.Storage, server.Name, volumes, cancellation).ConfigureAwait(false);
        var taken = await TakeAsync(cloud, server, name, bases, report, cancellation).ConfigureAwait(false);
        // One may have begun, and been killed, since.
        await UnfinishedRestores.RequireNoneAsync(cloud.Storage, server.Name, volumes, cancellation).ConfigureAwait(false);
        return taken;
    }

    /// <param name="server">With the disks that are wanted.</param>
    /// <param name="name">What a failure leaves of it is to be removed under this name.</param>
    /// <param name="bases">Our snapshots that later backups may ask for what changed since; others are let be.</param>
    /// <exception cref="RefusedException">The server was replaced or changed, or its volumes cannot be caught at one instant.</exception>
    /// <exception cref="CloudException">It failed, or the guest went on too early each time.</exception>
    public static async Task<TakenInstant> TakeAsync(EdgeCloud cloud, Server server, string name, IReadOnlyCollection<string> bases,
        IRunReport report, CancellationToken cancellation)
    {
        VolumeId[] volumes = [.. server.Disks.Select(disk => disk.Volume)];
        // A disk that was attached or detached since, or is left out this time, makes it another group.
        await cloud.Storage.Snapshots.ReduceToBasesAsync(bases, volumes, cancellation).ConfigureAwait(false);
        for (var attempt = 1; ; attempt++)
        {
            var (taken, whyNone) = await TakeOnceAsync(cloud, server, name, volumes, report, cancellation).ConfigureAwait(false);
            if (whyNone is null) return taken;
            await cloud.Storage.Snapshots.RemoveAsync(name, volumes, cancellation).ConfigureAwait(false);
            if (attempt == AttemptsMax)
                throw new CloudException(CloudFailure.TimedOut, "take", $"the volumes of {server.Name}", $"{whyNone}, {attempt} times: "
                    + "the point would be of no one instant. Give the volumes exclusive-lock, or raise the cloud's holdLimitSeconds");
            report.Note($"{whyNone}: they are taken again");
        }
    }

    // Where the storage holds nobody still, the volumes are of one instant only if nobody wrote from the first to the last.
    static async Task<(TakenInstant Taken, string? WhyNone)> TakeOnceAsync(EdgeCloud cloud, Server server, string name,
        VolumeId[] volumes, IRunReport report, CancellationToken cancellation)
    {
        var prepared = new TimedInstant(
            await cloud.Storage.Snapshots.PrepareAsync(name, volumes, cancellation).ConfigureAwait(false), cloud.Clock);
        var holdsStill = await cloud.Storage.Snapshots.HoldsStillAsync(volumes, cancellation).ConfigureAwait(false);
        var state = await LookAgainAsync(cloud, server, cancellation).ConfigureAwait(false);
        var (wasHeld, held, whyNone) = (false, (TimeSpan?)null, (string?)null);
        if (state is ServerState.Running)
        {
            (wasHeld, held) = await TakeHeldAsync(cloud, server, prepared, holdsStill, report, cancellation).ConfigureAwait(false);
            if (!holdsStill && !wasHeld) whyNone = "the guest was let go before all of its volumes were taken";
        }
        else
        {
            // How a guest that does not run was ended, nobody knows.
            await prepared.TakeAsync(cancellation).ConfigureAwait(false);
            if (!holdsStill && await LookAgainAsync(cloud, server, cancellation).ConfigureAwait(false) is var now && now != state)
                whyNone = $"the server was {ServerStateName.Of(state)}, and {ServerStateName.Of(now)} before all of its volumes were taken";
        }
        var taken = await prepared.FinishAsync(cancellation).ConfigureAwait(false);
        var (kind, skew) = taken.Kind == InstantKind.OneVolume ? (InstantKinds.OneVolume, TimeSpan.Zero)
            : holdsStill || state == ServerState.Shutdown ? (InstantKinds.Group, TimeSpan.Zero) : (InstantKinds.Frozen, prepared.Took);
        return (new(taken, wasHeld ? "filesystem" : "crash", held, state, kind, skew), whyNone);
    }

    /// <summary>Measures the taking alone: the first volume's instant is after its beginning, and the last one's before its end.</summary>
    sealed class TimedInstant(IPreparedInstant prepared, TimeProvider clock) : IPreparedInstant
    {
        public TimeSpan Took { get; private set; }

        public async Task TakeAsync(CancellationToken cancellation)
        {
            var start = clock.GetTimestamp();
            await prepared.TakeAsync(cancellation).ConfigureAwait(false);
            Took = clock.GetElapsedTime(start);
        }

        public Task<Instant> FinishAsync(CancellationToken cancellation) => prepared.FinishAsync(cancellation);
    }

    // Since it was looked at first, an earlier run may have been finished from the spool, which can take an hour.
    static async Task<ServerState> LookAgainAsync(EdgeCloud cloud, Server server, CancellationToken cancellation)
    {
        var now = await cloud.Hypervisor.FindAsync(server.Name, cancellation).ConfigureAwait(false);
        return now is not null && now.Id == server.Id && server.Disks.All(now.Disks.Contains) ? now.State
            : throw new RefusedException($"server {server.Name} was replaced, or its disks were changed, since this backup began: back "
                + "it up again");
    }

    static async Task<(bool WasHeld, TimeSpan? Held)> TakeHeldAsync(EdgeCloud cloud, Server server, IPreparedInstant prepared,
        bool holdsStill, IRunReport report, CancellationToken cancellation)
    {
        var hold = await cloud.HoldAsync(server.Name, cancellation).ConfigureAwait(false);
        try
        {
            var wasHeld = await TakeWhileHeldAsync(server, hold, prepared, holdsStill, report, cancellation).ConfigureAwait(false);
            if (hold.HeldFor is { } held) report.Detail($"{LetGoNote} after {Units.Duration(held)}");
            return (wasHeld, hold.HeldFor);
        }
        finally
        {
            // Whatever became of the snapshot: somebody's programs may stand still.
            if (hold.WhyNotLetGo is { } reason) report.Note(reason);
        }
    }

    static async Task<bool> TakeWhileHeldAsync(Server server, ServerHold hold, IPreparedInstant prepared,
        bool holdsStill, IRunReport report, CancellationToken cancellation)
    {
        await using (hold.ConfigureAwait(false))
        {
            if (hold.WhyNotHeld is null) report.Detail(HeldNote);
            else NoteNotHeld(server, hold.WhyNotHeld, holdsStill, report);
            await prepared.TakeAsync(cancellation).ConfigureAwait(false);
            var wasHeld = await hold.WasStillFrozenAsync(cancellation).ConfigureAwait(false);
            if (hold.WhyNotHeld is null && !wasHeld && holdsStill)
                report.Note("the guest was let go before the snapshot was complete: crash consistency");
            return wasHeld;
        }
    }

    static void NoteNotHeld(Server server, string reason, bool holdsStill, IRunReport report)
    {
        report.Note($"the guest is not frozen for the snapshot: {reason}");
        if (!holdsStill)
            throw new RefusedException($"the volumes of {server.Name} cannot be held still by the storage, and the guest cannot be frozen: "
                + "the point would be of no one instant. Give the volumes exclusive-lock, install the guest agent, or stop the server");
    }
}
