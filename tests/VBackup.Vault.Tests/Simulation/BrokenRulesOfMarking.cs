using VBackup.Vault.Format;

namespace VBackup.Vault.Tests.Simulation;

// The rules of marking, waiting and deciding, R17 to R32 of docs/session-table.md, each broken.

/// <summary>R17: points are listed before sessions.</summary>
internal sealed class ListsSessionsBeforePoints(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingIsWanted(string prefix)
    {
        if (IsCollector && !IsDeciding && prefix == ObjectNames.Points) Freeze(ObjectNames.Sessions);
    }

    protected override void MarkEnds() => Thaw(ObjectNames.Sessions);
}

/// <summary>R18: points are read before sessions are listed.</summary>
internal sealed class ReadsPointsAfterSessions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingEnds(string prefix)
    {
        if (IsMarking && prefix == ObjectNames.Points) Freeze(ObjectNames.Sessions);
    }

    protected override void MarkEnds() => Thaw(ObjectNames.Sessions);
}

/// <summary>R19: decisions are listed before sessions.</summary>
internal sealed class ListsSessionsBeforeDecisions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private SortedDictionary<string, byte[]>? _before;

    public override void ListingIsWanted(string prefix)
    {
        if (!IsMarking || prefix != ObjectNames.Sessions) return;
        if (SessionListings == 0) _before = Snapshot(prefix);
        else Freeze(prefix, _before);
    }

    protected override void MarkEnds() => Thaw(ObjectNames.Sessions);
}

/// <summary>R20: points that a decision names are live, listed or not.</summary>
internal sealed class ForgetsNamedPoints(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    protected override void MarkBegins() => Freeze(ObjectNames.Points);
    protected override void MarkEnds() => Thaw(ObjectNames.Points);
}

/// <summary>R21: points that a decision names are read before sessions are listed.</summary>
internal sealed class ReadsNamedPointsAfterSessions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void ListingEnds(string prefix)
    {
        if (IsMarking && prefix == ObjectNames.Sessions && SessionListings == 1) Freeze(prefix);
    }

    protected override void MarkEnds() => Thaw(ObjectNames.Sessions);
}

/// <summary>R22: the collector looks for its own registration after listing sessions.</summary>
internal sealed class IgnoresItsExpulsion(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override bool Exists(string name) => base.Exists(name) || IsCollector && name == Actor.Registered;
}

/// <summary>R23: the bases of ended sessions are live.</summary>
internal sealed class ForgetsEndedSessions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) => base.Names(prefix)
        .Where(name => !IsCollector || !IsSession(name) || !World.Exists(name + ObjectNames.EndedSuffix));
}

/// <summary>R24: the bases of sessions are live.</summary>
internal sealed class NamesNoBases(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        base.Put(name, IsSession(name) ? WithoutBases(name, content) : content);
    }
}

/// <summary>R25: a point without a decision is live.</summary>
internal sealed class CountsOnlyDecidedPoints(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) =>
        IsMarking && prefix == ObjectNames.Points ? [] : base.Names(prefix);
}

/// <summary>R26: a node that is not found stops the collector. Here it is as if a merge hid each node of a base.</summary>
internal sealed class TakesHiddenNodesForDead(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override byte[]? Find(string name)
    {
        var content = base.Find(name);
        return content is not null && IsMarking && HasCondemned && IsSession(name) ? WithoutBases(name, content) : content;
    }
}

/// <summary>
/// No rule is broken: the mark after the wait, if it has seen no point, finds none of the nodes below bases, as if merges hid
/// them.
/// </summary>
internal sealed class HidesNodesOfBases(SimulatedWorld world, Actor actor, Action wasHidden) : BrokenRule(world, actor)
{
    private bool _sawPoint, _hides;

    protected override void MarkBegins() => _sawPoint = false;

    protected override void MarkEnds() => _hides = HasCondemned && !_sawPoint;

    public override void ListingBegins(string prefix)
    {
        base.ListingBegins(prefix);
        if (prefix == ObjectNames.Condemnations) _hides = false;
    }

    public override IEnumerable<string> Names(string prefix)
    {
        if (_hides && (prefix is ObjectNames.Packs or ObjectNames.Indexes)) return [];
        var names = base.Names(prefix).ToList();
        _sawPoint |= prefix == ObjectNames.Points && names.Count > 0;
        return names;
    }

    public override byte[]? Find(string name)
    {
        if (!_hides || !IsPack(name)) return base.Find(name);
        wasHidden();
        return null;
    }
}

/// <summary>R27: sessions are listed after condemnations are put.</summary>
internal sealed class CondemnsAfterListingSessions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Put(string name, byte[] content)
    {
        if (IsCondemnation(name)) Hold(() => base.Put(name, content));
        else base.Put(name, content);
    }

    protected override void MarkBegins() => Release();
}

/// <summary>R28: the collector waits for the sessions that were at work when it condemned.</summary>
internal sealed class WaitsForNobody(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override IEnumerable<string> Names(string prefix) =>
        IsCollector && HasCondemned && !IsMarking && prefix == ObjectNames.Sessions ? [] : base.Names(prefix);
}

/// <summary>R29: a session is revoked before its points are listed.</summary>
internal sealed class RevokesAfterListingPoints(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private List<string>? _before;

    public override void PutBegins(string name)
    {
        if (IsSession(name, ObjectNames.RevokedSuffix)) _before = World.Names(ObjectNames.Points);
    }

    public override IEnumerable<string> Names(string prefix) =>
        IsDeciding && _before is not null && prefix == ObjectNames.Points ? _before : base.Names(prefix);
}

/// <summary>R30: a decision is created once.</summary>
internal sealed class DecidesAnew(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override bool CreateOnce(string name, byte[] content)
    {
        base.CreateOnce(name, content);
        Put(name, content);
        return true;
    }
}

/// <summary>R31: the mark comes after the wait.</summary>
internal sealed class MarksBeforeWaiting(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    private SortedDictionary<string, byte[]>? _points;
    private SortedDictionary<string, byte[]>? _sessions;

    protected override void MarkBegins()
    {
        if (HasCondemned && _points is not null)
        {
            Freeze(ObjectNames.Points, _points);
            Freeze(ObjectNames.Sessions, _sessions);
        }
        (_points, _sessions) = (Snapshot(ObjectNames.Points), Snapshot(ObjectNames.Sessions));
    }

    protected override void MarkEnds()
    {
        Thaw(ObjectNames.Points);
        Thaw(ObjectNames.Sessions);
    }
}

/// <summary>R32: a decision is never removed.</summary>
internal sealed class RemovesDecisions(SimulatedWorld world, Actor actor) : BrokenRule(world, actor)
{
    public override void Delete(string name)
    {
        base.Delete(name);
        if (!IsSession(name, ObjectNames.EndedSuffix)) return;
        var session = name[..^ObjectNames.EndedSuffix.Length];
        foreach (var point in World.Truth.Points)
            if (ObjectNames.Session(point.Session) == session && !World.Truth.IsValid(point))
                World.Delete(ObjectNames.Points + point.Document.Id);
        World.Delete(session + ObjectNames.DecisionSuffix);
    }
}
