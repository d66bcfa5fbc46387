using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Sessions;

/// <summary>What a listing showed of one session.</summary>
internal sealed class SessionSeen
{
    /// <summary>The session object itself was there.</summary>
    public bool Exists { get; set; }
    public bool Ended { get; set; }

    /// <summary>A revocation or a sign of life.</summary>
    public bool HasNotes { get; set; }

    /// <summary>A sign of life. One that ended well has taken it back.</summary>
    public bool HasBeat { get; set; }
    public bool Decided { get; set; }
}

/// <summary>One listing of the vault's sessions, and the decisions it showed.</summary>
internal sealed class SessionList
{
    private readonly Dictionary<SessionId, SessionSeen> _sessions = [];
    private readonly Dictionary<SessionId, HashSet<PointId>> _decisions = [];

    public IReadOnlyDictionary<SessionId, SessionSeen> Sessions => _sessions;

    /// <summary>The points that count, of each session with a decision.</summary>
    public IReadOnlyDictionary<SessionId, HashSet<PointId>> Decisions => _decisions;

    public static async Task<SessionList> ReadAsync(BackupVault vault, CancellationToken cancellation)
    {
        var list = await ListAsync(vault, cancellation).ConfigureAwait(false);
        var decided = list._sessions.Where(item => item.Value.Decided).Select(item => item.Key).ToList();
        await Bounded.ForEachAsync(decided, vault.Runtime.ReadsInFlight, async id =>
        {
            if (await DecisionOf(vault, id, cancellation).ConfigureAwait(false) is not { } points) return;
            lock (list._decisions) list._decisions.Add(id, points);
        }).ConfigureAwait(false);
        return list;
    }

    /// <summary>Without the decisions' content.</summary>
    public static async Task<SessionList> ListAsync(BackupVault vault, CancellationToken cancellation)
    {
        var list = new SessionList();
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Sessions, cancellation).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParseSession(entry.Name, out var id, out var suffix)) continue;
            if (!list._sessions.TryGetValue(id, out var seen)) list._sessions.Add(id, seen = new());
            switch (suffix)
            {
                case "": seen.Exists = true; break;
                case ObjectNames.EndedSuffix: seen.Ended = true; break;
                case ObjectNames.RevokedSuffix: seen.HasNotes = true; break;
                case ObjectNames.BeatSuffix: seen.HasNotes = seen.HasBeat = true; break;
                case ObjectNames.DecisionSuffix: seen.Decided = true; break;
            }
        }
        return list;
    }

    /// <summary>The points of a session that count; null when nothing was decided.</summary>
    public static async Task<HashSet<PointId>?> DecisionOf(BackupVault vault, SessionId id, CancellationToken cancellation)
    {
        var name = ObjectNames.Decision(id);
        var decision = await vault.FindAsync(ObjectKind.Decision, name, DocumentJson.Default.DecisionDocument, cancellation)
            .ConfigureAwait(false);
        if (decision is null) return null;
        HashSet<PointId> points = [];
        foreach (var text in decision.Points)
        {
            if (!PointId.TryParse(text, out var point)) throw new DamageException(name, "names a point whose id is not one");
            points.Add(point);
        }
        return points;
    }

    /// <summary>Whether a point of <paramref name="session"/> counts by the decisions seen.</summary>
    public bool Counts(SessionId session, PointId point) =>
        !_decisions.TryGetValue(session, out var points) || points.Contains(point);
}
