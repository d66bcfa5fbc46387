using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Sessions;

/// <summary>The session was revoked: whatever it was doing does not count.</summary>
public sealed class SessionRevokedException()
    : Exception("the session was revoked while it stood still: a collector took it for dead. Nothing was harmed; run it again");

/// <summary>
/// Somebody at work on the vault, and the points that must not be taken from under it: steps 1, 3, 6 and 7 of a writer
/// in <c>docs/session-protocol.md</c>.
/// </summary>
public sealed class Session : IAsyncDisposable
{
    /// <summary>Index objects that a sign of life names: of some 100 GiB.</summary>
    private const int IndexesMax = 1000;

    /// <summary>Roots that one session object names: some 3 MiB, of the 16 that it may have.</summary>
    internal const int RootsMax = 10_000;

    private readonly BackupVault _vault;
    private readonly CancellationTokenSource _beating = new();
    private readonly Task _beats;
    private readonly string? _base;
    private readonly Queue<string> _indexes = [];
    private Session[] _further = [];
    private int _beatsWanted;
    private long _count;
    private bool _hasBeaten;
    private bool _over;

    private Session(BackupVault vault, SessionId id, string? basePoint, string? refusal = null)
    {
        _vault = vault;
        _base = basePoint;
        _over = refusal is not null;
        Refusal = refusal;
        Id = id;
        _beats = refusal is null && vault.Runtime.BeatInterval is { } interval ? BeatAsync(interval) : Task.CompletedTask;
    }

    public SessionId Id { get; }

    /// <summary>Why the store did not take a reader's session, so that nothing protects what is read; else null.</summary>
    public string? Refusal { get; }

    /// <summary>Set before a put that makes a point visible, cleared after: between, nobody knows whether it is there.</summary>
    internal bool PointInDoubt { get; set; }

    /// <summary>Step 1: registers, naming the points it builds on or reads. Who reads more points than one object takes has further
    /// sessions for them, which live and end with the first.</summary>
    internal static async Task<Session> BeginAsync(
        BackupVault vault, string purpose, IReadOnlyList<BaseDocument> bases, CancellationToken cancellation)
    {
        List<Session> begun = [];
        try
        {
            foreach (var part in PartsOf(bases))
                begun.Add(await BeginAsync(
                    vault, SessionId.New(vault.Runtime.FillRandom), purpose, part, outlivesProcess: false, cancellation)
                        .ConfigureAwait(false));
        }
        catch
        {
            foreach (var session in begun) await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        begun[0]._further = [.. begun.Skip(1)];
        return begun[0];
    }

    private static List<List<BaseDocument>> PartsOf(IReadOnlyList<BaseDocument> bases)
    {
        List<List<BaseDocument>> parts = [[]];
        var roots = 0;
        foreach (var one in bases)
        {
            var more = Math.Max(1, one.Roots.Count);
            if (roots + more > RootsMax && parts[^1].Count > 0)
            {
                parts.Add([]);
                roots = 0;
            }
            parts[^1].Add(one);
            roots += more;
        }
        return parts;
    }

    /// <param name="outlivesProcess">Another process may go on with it, so that the end of this one is no sign of death.</param>
    /// <inheritdoc cref="BeginAsync(BackupVault, string, IReadOnlyList{BaseDocument}, CancellationToken)"/>
    internal static async Task<Session> BeginAsync(BackupVault vault, SessionId id, string purpose, IReadOnlyList<BaseDocument> bases,
        bool outlivesProcess, CancellationToken cancellation)
    {
        var document = Document(vault, id, purpose, bases);
        if (outlivesProcess) document = document with { ProcessId = 0, ProcessStart = 0 };
        await vault.PutAsync(ObjectKind.Session, ObjectNames.Session(id), document,
            DocumentJson.Default.SessionDocument, cancellation).ConfigureAwait(false);
        return new(vault, id, bases.Count == 1 ? bases[0].Point : null);
    }

    /// <summary>Goes on with a session of another process, which does nothing for it any more. To the protocol it is as if that
    /// process had stood still until now.</summary>
    /// <returns>Null when the session has ended, was revoked, or is gone.</returns>
    internal static async Task<Session?> ContinueAsync(BackupVault vault, SessionId id, CancellationToken cancellation)
    {
        var document = await vault.FindAsync(
            ObjectKind.Session, ObjectNames.Session(id), DocumentJson.Default.SessionDocument, cancellation).ConfigureAwait(false);
        if (document is null || await IsOverAsync(vault, id, cancellation).ConfigureAwait(false)) return null;
        var note = await vault.FindAsync(
            ObjectKind.SessionNote, ObjectNames.Beat(id), DocumentJson.Default.NoteDocument, cancellation).ConfigureAwait(false);
        var session = new Session(vault, id, document.Bases is [var only] ? only.Point : null) { _hasBeaten = note is not null };
        session._count = note?.Count ?? 0;
        foreach (var index in note?.Indexes ?? []) session._indexes.Enqueue(index);
        return session;
    }

    /// <summary>Whether a session that is there has ended or was revoked.</summary>
    internal static async Task<bool> IsOverAsync(BackupVault vault, SessionId id, CancellationToken cancellation) =>
        await vault.Store.ExistsAsync(ObjectNames.Ended(id), cancellation).ConfigureAwait(false)
        || await vault.Store.ExistsAsync(ObjectNames.Revoked(id), cancellation).ConfigureAwait(false);

    /// <summary>Leaves the session as it is, for another process to go on with.</summary>
    internal async Task SuspendAsync()
    {
        _over = true;
        await StopBeatingAsync().ConfigureAwait(false);
    }

    /// <summary>Whether the session has ended, as far as the store said.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>
    /// Step 1 of a reader. A store that may only be read, such as a disk that is mounted so after a fault, or one that is full,
    /// is no reason not to restore: then there is no session, and nothing keeps a collector that may write from taking what is
    /// read. Every chunk is checked all the same, so what went is missed, and never replaced by something else.
    /// </summary>
    internal static async Task<Session> BeginReadingAsync(
        BackupVault vault, string purpose, IReadOnlyList<BaseDocument> bases, CancellationToken cancellation)
    {
        try
        {
            return await BeginAsync(vault, purpose, bases, cancellation).ConfigureAwait(false);
        }
        catch (Stores.StoreException refused) when (refused.Failure is Stores.StoreFailure.Refused or Stores.StoreFailure.Full)
        {
            return new(vault, SessionId.New(vault.Runtime.FillRandom), basePoint: null, refused.Message);
        }
    }

    /// <summary>An index object is durable: the run's signs of life name it from now on, and a retry finds what it names.</summary>
    internal void NoteIndex(ObjectId index)
    {
        lock (_indexes)
        {
            if (_indexes.Count == IndexesMax) _indexes.Dequeue();
            _indexes.Enqueue(index.ToString());
        }
    }

    internal static SessionDocument Document(
        BackupVault vault, SessionId id, string purpose, IReadOnlyList<BaseDocument> bases) => new()
        {
            Id = id.ToString(),
            Purpose = purpose,
            StartedAt = vault.Clock.GetUtcNow(),
            Host = vault.Runtime.Identity.Host,
            BootId = vault.Runtime.Identity.BootId,
            ProcessId = vault.Runtime.Identity.ProcessId,
            ProcessStart = vault.Runtime.Identity.ProcessStart,
            Bases = bases,
        };

    /// <summary>What a session names of a point it builds on.</summary>
    internal static BaseDocument BaseOf(PointDocument point) => new()
    {
        Point = point.Id,
        Roots = [.. point.Volumes.Where(volume => volume.Root is not null)
            .Select(volume => new RootDocument { Levels = volume.Levels, Root = volume.Root! })],
    };

    /// <summary>Step 3: whether a point is there and counts, now. REQUIRES: the session was put with it as a base.</summary>
    internal async Task<bool> IsValidNowAsync(PointDocument point, CancellationToken cancellation)
    {
        if (!PointId.TryParse(point.Id, out var id) || !SessionId.TryParse(point.Session, out var session)) return false;
        // The point first: a point that a decision leaves out may be deleted, but the decision stays for ever.
        return await _vault.Store.ExistsAsync(ObjectNames.Point(id), cancellation).ConfigureAwait(false)
            && (await SessionList.DecisionOf(_vault, session, cancellation).ConfigureAwait(false))?.Contains(id) != false;
    }

    /// <summary>Step 3 of a reader, whom a decision that cannot be read does not keep from reading.</summary>
    internal async Task<bool> IsReadableNowAsync(PointDocument point, CancellationToken cancellation) =>
        PointId.TryParse(point.Id, out var id) && SessionId.TryParse(point.Session, out var session)
        && await _vault.Store.ExistsAsync(ObjectNames.Point(id), cancellation).ConfigureAwait(false)
        && await PointList.MayCountAsync(_vault, session, id, cancellation).ConfigureAwait(false);

    /// <summary>Step 6.</summary>
    /// <exception cref="SessionRevokedException">The session was revoked.</exception>
    internal async Task EnsureNotRevokedAsync(CancellationToken cancellation)
    {
        if (await _vault.Store.ExistsAsync(ObjectNames.Revoked(Id), cancellation).ConfigureAwait(false))
            throw new SessionRevokedException();
        foreach (var session in _further) await session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Step 7, unless a point's put is in doubt: then a collector has to find out what became of it.</summary>
    /// <param name="leavesNothing">What the run stored is of use by its point, or there is nothing.</param>
    private async Task EndAsync(bool leavesNothing, CancellationToken cancellation)
    {
        if (_over) return;
        _over = true;
        await StopBeatingAsync().ConfigureAwait(false);
        if (!leavesNothing && _indexes.Count > 0) await BeatAsync(cancellation).ConfigureAwait(false);
        else if (_hasBeaten) await _vault.Store.DeleteAsync(ObjectNames.Beat(Id), cancellation).ConfigureAwait(false);
        if (PointInDoubt) return;
        await _vault.PutAsync(ObjectKind.SessionNote, ObjectNames.Ended(Id), new NoteDocument(),
            DocumentJson.Default.NoteDocument, cancellation).ConfigureAwait(false);
        HasEnded = true;
    }

    /// <summary>Ends the session if that has not been done; a store that fails here leaves it to be revoked.</summary>
    /// <param name="leavesNothing">What the run stored is of use by its point.</param>
    internal async Task LeaveAsync(bool leavesNothing)
    {
        using var farewell = new CancellationTokenSource(_vault.Runtime.FarewellTimeout, _vault.Clock);
        try
        {
            await EndAsync(leavesNothing, farewell.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is Stores.StoreException or OperationCanceledException)
        {
            // The work is over either way, and its own error is the one to see. A collector revokes what did not end.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _further) await session.DisposeAsync().ConfigureAwait(false);
        await LeaveAsync(leavesNothing: false).ConfigureAwait(false);
        await StopBeatingAsync().ConfigureAwait(false);
        _beating.Dispose();
    }

    private async Task StopBeatingAsync()
    {
        await _beating.CancelAsync().ConfigureAwait(false);
        await _beats.ConfigureAwait(false);
    }

    private async Task BeatAsync(TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval, _vault.Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_beating.Token).ConfigureAwait(false))
                await TryBeatAsync(_beating.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The session is over.
        }
    }

    /// <summary>Shows that the run is alive, and what it has put.</summary>
    internal async Task TryBeatAsync(CancellationToken cancellation)
    {
        try
        {
            await BeatAsync(cancellation).ConfigureAwait(false);
        }
        catch (Stores.StoreException)
        {
            // The next may succeed. A session that cannot show it is alive for long may be revoked, and then says so.
        }
    }

    // One at a time, so that an older note does not take the place of a newer one. Whoever is at it does it once more for others.
    private async Task BeatAsync(CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _beatsWanted) > 1) return;
        try
        {
            int served;
            do
            {
                served = Volatile.Read(ref _beatsWanted);
                await PutBeatAsync(cancellation).ConfigureAwait(false);
            }
            while (Interlocked.Add(ref _beatsWanted, -served) > 0);
        }
        catch
        {
            Volatile.Write(ref _beatsWanted, 0);
            throw;
        }
    }

    private Task PutBeatAsync(CancellationToken cancellation)
    {
        _hasBeaten = true;
        string[] indexes;
        lock (_indexes) indexes = [.. _indexes];
        var note = new NoteDocument { Count = ++_count, Base = _base, Indexes = indexes.Length == 0 ? null : indexes };
        return _vault.PutAsync(ObjectKind.SessionNote, ObjectNames.Beat(Id), note, DocumentJson.Default.NoteDocument, cancellation);
    }
}
