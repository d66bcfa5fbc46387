using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Collecting;

/// <summary>Step 4 of a collector: waits until every session that had not ended has ended or been decided.</summary>
internal sealed class SessionWait(BackupVault vault, CollectorOptions options)
{
    private readonly Dictionary<SessionId, (long Beat, long SinceTimestamp)> _lastBeats = [];
    private readonly Dictionary<SessionId, SessionDocument> _documents = [];
    private bool? _canRevoke;
    private bool _isTold;

    public int Revoked { get; private set; }

    public async Task RunAsync(IProgress<string>? progress, CancellationToken cancellation)
    {
        var waiting = Running(await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false));
        while (true)
        {
            await RevokeSilentAsync(waiting, progress, cancellation).ConfigureAwait(false);
            if (waiting.Count == 0) return;
            progress?.Report($"waiting for {waiting.Count} running session(s)");
            Tell(waiting);
            await Task.Delay(vault.Runtime.PollInterval, vault.Clock, cancellation).ConfigureAwait(false);
            // Those that began after the first listing have seen the condemnations and need not be waited for.
            waiting.IntersectWith(Running(await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false)));
        }
    }

    private void Tell(HashSet<SessionId> waiting)
    {
        if (_isTold) return;
        _isTold = true;
        options.OnWaiting?.Invoke([.. waiting.Where(_documents.ContainsKey).Select(id => Described(id, _documents[id]))
            .OrderBy(session => session.StartedAt)]);
    }

    private WaitedSession Described(SessionId id, SessionDocument document)
    {
        var silentFor = _lastBeats.TryGetValue(id, out var last) ? vault.Clock.GetElapsedTime(last.SinceTimestamp) : TimeSpan.Zero;
        return new(id, document.Purpose, document.Host, document.ProcessId, document.StartedAt, vault.Clock.GetUtcNow() - silentFor);
    }

    /// <summary>Revokes those that can be told to be dead at once, and waits for nobody.</summary>
    public async Task RevokeSilentAsync(IProgress<string>? progress, CancellationToken cancellation) =>
        await RevokeSilentAsync(
            Running(await SessionList.ReadAsync(vault, cancellation).ConfigureAwait(false)), progress, cancellation).ConfigureAwait(false);

    private async Task RevokeSilentAsync(HashSet<SessionId> waiting, IProgress<string>? progress, CancellationToken cancellation)
    {
        foreach (var id in waiting.ToList())
        {
            if (!await IsSilentAsync(id, cancellation).ConfigureAwait(false)) continue;
            // Two collectors could decide differently, and each delete by its own decision (R30). A bucket may have got versions
            // since the vault was made, so this is asked when it matters.
            if (!(_canRevoke ??= await vault.Store.CanCreateOnceAsync(cancellation).ConfigureAwait(false)))
                throw new UnusableVaultException($"session {id} shows no sign of life, and cannot be revoked: {vault.Store.Description} "
                    + "does not refuse to create an object twice, as a bucket of Ceph that keeps versions. Nothing was deleted. "
                    + "Suspend the bucket's versioning, then collect again");
            progress?.Report($"session {id} shows no sign of life and is revoked");
            await RevokeAsync(id, cancellation).ConfigureAwait(false);
            waiting.Remove(id);
        }
    }

    private static HashSet<SessionId> Running(SessionList sessions) =>
        [.. sessions.Sessions.Where(item => item.Value is { Exists: true, Ended: false }
            && !sessions.Decisions.ContainsKey(item.Key)).Select(item => item.Key)];

    private async Task<bool> IsSilentAsync(SessionId id, CancellationToken cancellation)
    {
        try
        {
            var session = await vault.FindAsync(
                ObjectKind.Session, ObjectNames.Session(id), DocumentJson.Default.SessionDocument, cancellation).ConfigureAwait(false);
            if (session is not null) _documents[id] = session;
            if (session is not null && ProcessIdentity.IsSurelyGone(session.BootId, session.ProcessId, session.ProcessStart)) return true;
        }
        catch (DamageException)
        {
            // What it keeps alive nobody can tell, so no mark could ever be made beside it. If its run is alive, it says that it
            // was revoked.
            return true;
        }
        if (options.SessionTimeout is not { } timeout) return false;
        var count = await BeatOfAsync(id, cancellation).ConfigureAwait(false);
        var now = vault.Clock.GetTimestamp();
        if (!_lastBeats.TryGetValue(id, out var last) || last.Beat != count)
        {
            _lastBeats[id] = (count, now);
            return timeout == TimeSpan.Zero;
        }
        return vault.Clock.GetElapsedTime(last.SinceTimestamp, now) >= timeout;
    }

    private async Task<long> BeatOfAsync(SessionId id, CancellationToken cancellation)
    {
        try
        {
            return (await vault.FindAsync(ObjectKind.SessionNote, ObjectNames.Beat(id), DocumentJson.Default.NoteDocument, cancellation)
                .ConfigureAwait(false))?.Count ?? 0;
        }
        catch (DamageException)
        {
            // Only a hint; whoever is alive writes another.
            return 0;
        }
    }

    /// <summary>Puts the revocation, then lists the session's points, then creates the decision once, or adopts one.</summary>
    internal async Task RevokeAsync(SessionId id, CancellationToken cancellation)
    {
        await vault.PutAsync(ObjectKind.SessionNote, ObjectNames.Revoked(id), new NoteDocument(),
            DocumentJson.Default.NoteDocument, cancellation).ConfigureAwait(false);
        List<string> points = [];
        foreach (var listed in await PointList.ListAsync(vault, cancellation).ConfigureAwait(false))
            if (await vault.FindPointAsync(listed, cancellation).ConfigureAwait(false) is { } point
                && PointList.SessionOf(point) == id) points.Add(point.Id);
        var name = ObjectNames.Decision(id);
        var decision = SealedDocument.SealJson(vault.Keys, ObjectKind.Decision, name,
            new DecisionDocument { Points = points }, DocumentJson.Default.DecisionDocument);
        // False: another collector decided first, and that decision stands.
        if (await vault.Store.CreateOnceAsync(name, decision, cancellation).ConfigureAwait(false)) Revoked++;
    }
}
